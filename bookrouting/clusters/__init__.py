"""Accounts that act as one: copies of one another, and pairs that stand against each other.

fills      what is read: opening deals, merged into decisions and sorted for looking up
scan       which pairs coincide more often than their symbols' popularity explains (compiled)
evidence   how often a pair would have coincided by chance: the market's own trades are the dice
discovery  which pairs are found, at a false discovery rate; hard links as prior odds
groups     clusters of the pairs found: members, leader, an id that stays
"""
