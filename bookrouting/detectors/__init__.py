"""What a client's trades look like, told one question at a time.

finding    what a detector says
entries    the columns that detectors read
timing     stale quotes, prices off the market, news
habits     holding times, swap, weekends, win rates, few and sharp deals
money      bonuses and doubled accounts
behaviour  what kind of trader this is, in plain words: never evidence by itself
gauges     one-sidedness of a symbol's flow, and how far prices follow it
"""
