"""The referee: the same rules in plain Python, row by row and without frames, for small books."""

from __future__ import annotations

import itertools
from collections import defaultdict
from decimal import Decimal

from crm_sync.reconcile.schema import PAYMENTS, Kind, Leg, Side, Status

KINDS, STATUSES = [kind.value for kind in Kind], [status.value for status in Status]
BALANCE = {kind.value for kind in PAYMENTS} | {"transfer", "balance"}


class Row:
    """A row on a leg, as the leg compares it."""

    def __init__(self, side, place, **said):
        self.side, self.place = side, place
        self.__dict__.update(said)

    def order(self):
        fee = (0, 0) if self.fee is None else (1, self.fee)
        return (
            self.at,
            self.id,
            self.ref,
            KINDS.index(self.type),
            self.amount,
            self.currency,
            self.account,
            STATUSES.index(self.status),
            fee,
            self.place,
        )


def rows_of(book, leg):
    """Return ours and theirs of a leg."""
    ours = []
    for place, row in enumerate(book["ledger"]):
        common = {"id": row["id"], "at": row["at_us"], "status": row["status"]}
        if leg is Leg.PROVIDER and row["kind"] in PAYMENTS:
            said = {
                "ref": row["ref"],
                "amount": row["amount_minor"],
                "currency": row["currency"],
                "account": row["client_id"],
                "type": row["kind"],
                "fee": row["fee_minor"],
                "product": None,
            }
            ours.append(Row(Side.LEDGER, place, **common, **said))
        if leg is Leg.PLATFORM and row["login"]:
            converted = row["credit_currency"] != row["currency"] and row["rate"] is not None
            product = (
                Decimal(row["amount_minor"]) * Decimal(str(row["rate"])) if converted else None
            )
            said = {
                "ref": row["platform_ref"] or row["ref"],
                "amount": row["credit_minor"],
                "currency": row["credit_currency"],
                "account": row["login"],
                "type": "balance" if row["kind"] in BALANCE else row["kind"],
                "fee": None,
                "product": product,
            }
            ours.append(Row(Side.LEDGER, place, **common, **said))
    theirs = []
    for place, row in enumerate(book[leg.value]):
        provider = leg is Leg.PROVIDER
        theirs.append(
            Row(
                Side(leg.value),
                place,
                id=row["id"],
                at=row["at_us"],
                ref=row["ref"],
                amount=row["amount_minor"],
                currency=row["currency"],
                account=row["client_id"] if provider else row["login"],
                type=row["kind"] if provider or row["kind"] not in BALANCE else "balance",
                status=row["status"] if provider else "done",
                fee=row["fee_minor"] if provider else None,
                product=None,
            )
        )
    return ours, theirs


class LegReferee:
    """One leg, matched and judged."""

    def __init__(self, book, leg, terms):
        self.leg, self.terms = leg, terms
        self.within = terms.within_us(leg)
        self.all_ours, self.all_theirs = rows_of(book, leg)
        self.ours, self.theirs = list(self.all_ours), list(self.all_theirs)
        self.cases = []
        self.by_reference()
        self.by_groups(lambda row: (row.ref, row.type))
        self.by_groups(lambda row: row.ref)
        self.by_nearness()
        self.by_sum(self.ours, self.theirs)
        self.by_sum(self.theirs, self.ours)
        self.verdicts = [(ours, theirs, self.judge(ours, theirs)) for ours, theirs in self.cases]
        self.verdicts += [([row], [], self.judge_lone(row)) for row in self.ours]
        self.verdicts += [([], [row], self.judge_lone(row)) for row in self.theirs]

    def take(self, ours, theirs):
        self.cases.append((ours, theirs))
        self.ours = [row for row in self.ours if row not in ours]
        self.theirs = [row for row in self.theirs if row not in theirs]

    def by_reference(self):
        for key in (
            lambda r: (r.ref, r.type, r.currency, r.amount, r.status),
            lambda r: (r.ref, r.type, r.currency, r.amount),
        ):
            for some in {key(row) for row in self.ours if row.ref}:
                mine = sorted((r for r in self.ours if key(r) == some), key=Row.order)
                other = sorted((r for r in self.theirs if key(r) == some), key=Row.order)
                for one, two in zip(mine, other, strict=False):
                    self.take([one], [two])
        self.by_rounding()

    def by_rounding(self):
        def key(row):
            return (row.ref, row.type, row.currency)

        for some in {key(row) for row in self.ours if row.ref}:
            mine = sorted(
                (r for r in self.ours if key(r) == some and r.product is not None and moved(r)),
                key=Row.order,
            )
            other = sorted((r for r in self.theirs if key(r) == some and moved(r)), key=Row.order)
            for one, two in zip(mine, other, strict=False):
                if abs(one.amount - two.amount) <= 1:
                    self.take([one], [two])

    def by_groups(self, key):
        for some in {key(row) for row in self.ours if row.ref}:
            mine = [row for row in self.ours if key(row) == some and moved(row)]
            other = [row for row in self.theirs if key(row) == some and moved(row)]
            if mine and other:
                self.take(mine, other)

    def stranger(self, row):
        others = self.all_theirs if row.side is Side.LEDGER else self.all_ours
        known = row.ref and any(other.ref == row.ref and moved(other) for other in others)
        return moved(row) and row.account and not known

    def near(self, one, two, *, with_amount):
        same = (one.account, one.currency, one.type) == (two.account, two.currency, two.type)
        if with_amount:
            same = same and one.amount == two.amount
        both = self.stranger(one) and self.stranger(two)
        return both and same and abs(one.at - two.at) <= self.within

    def by_nearness(self):
        pairs = [
            (one, two)
            for one, two in itertools.product(self.ours, self.theirs)
            if self.near(one, two, with_amount=True)
        ]
        for one, two in pairs:
            if sum(a is one for a, _ in pairs) == sum(b is two for _, b in pairs) == 1:
                self.take([one], [two])

    def by_sum(self, wholes, parts):
        found = []
        for whole in wholes:
            near = [part for part in parts if self.near(whole, part, with_amount=False)]
            shared = any(
                self.near(other, part, with_amount=False)
                for part in near
                for other in wholes
                if other is not whole
            )
            if shared or not 2 <= len(near) <= self.terms.most_parts:
                continue
            if sum(part.amount for part in near) == whole.amount:
                found.append((whole, near))
        for whole, near in found:
            ours, theirs = ([whole], near) if whole.side is Side.LEDGER else (near, [whole])
            self.take(ours, theirs)

    def judge(self, ours, theirs):  # noqa: PLR0911 one rule, one return
        currencies, accounts, types = (
            (common(ours, name), common(theirs, name)) for name in ("currency", "account", "type")
        )
        mine, other = sum(r.amount for r in ours), sum(r.amount for r in theirs)
        products = [row.product for row in ours]
        product = None if None in products else sum(products)
        fees = [None if None in (f := [r.fee for r in s]) else sum(f) for s in (ours, theirs)]
        off, slack = abs(mine - other), 0 if product is None else 1
        if currencies[0] != currencies[1]:
            return "CURRENCY", abs(mine)
        if all(accounts) and accounts[0] != accounts[1]:
            return "WRONG_ACCOUNT", abs(mine)
        if (mine > 0) - (mine < 0) != (other > 0) - (other < 0):
            return "WRONG_TYPE", off
        if types[0] != types[1]:
            return "WRONG_TYPE", abs(mine)
        if off > slack:
            if off in fees:
                return "FEE", off
            by_rate = product is not None and off <= self.terms.rate_share * abs(mine)
            return ("FX_RATE" if by_rate else "AMOUNT"), off
        if product is not None and abs(product - mine) > 1:
            return "FX_RATE", None
        return self.judge_status(ours, theirs, abs(mine)) or self.judge_fee(fees)

    def judge_fee(self, fees):
        if None not in fees and fees[0] != fees[1]:
            return "FEE", abs(fees[0] - fees[1])
        return None, None

    def judge_status(self, ours, theirs, amount):
        states = [min((r.status for r in side), key=STATUSES.index) for side in (ours, theirs)]
        since = [
            min(row.at for row in side)
            for side, state in zip((ours, theirs), states, strict=True)
            if state == "pending"
        ]
        if since:
            if min(since) < self.terms.as_of_us - self.terms.pending_us:
                return "STALE_PENDING", amount
            return ("TIMING", amount) if len(since) == 1 else None
        if self.leg is Leg.PLATFORM:
            states = [state == "failed" for state in states]
        return ("STATUS", amount) if states[0] != states[1] else None

    def judge_lone(self, row):  # noqa: PLR0911 one rule, one return
        mine = row.side is Side.LEDGER
        others = [r for r in (self.all_theirs if mine else self.all_ours) if moved(r) and r.ref]
        known = {(other.ref, other.type) for other in others}
        amount, age = abs(row.amount), self.terms.as_of_us - row.at
        name = {Side.LEDGER: "LEDGER", Side.PROVIDER: "PSP", Side.PLATFORM: "PLATFORM"}
        if row.status == "failed":
            return None, None
        if (row.ref, row.type) in known:
            return f"DUPLICATE_{name[row.side]}", amount
        if row.side is Side.PLATFORM and not row.ref:
            return "ORPHAN_MANUAL", amount
        taken_back = row.type in {"refund", "chargeback"}
        if row.side is Side.PROVIDER and taken_back and row.ref in {ref for ref, _ in known}:
            return "STATUS", amount
        if row.status == "pending" and age > self.terms.pending_us:
            return "STALE_PENDING", amount
        if row.status == "pending" or age <= self.within:
            return "TIMING", amount
        return f"MISSING_{name[Side(self.leg.value)] if mine else 'LEDGER'}", amount


def moved(row):
    return row.status != "failed"


def common(rows, name):
    return " ".join(sorted({value for row in rows if (value := getattr(row, name))}))


def judged(book, terms):
    """Return what is in which case: a set of (class, members), a member being leg, side, row."""
    cases = []
    for leg in Leg:
        for ours, theirs, (word, _) in LegReferee(book, leg, terms).verdicts:
            members = {(leg.value, row.side.value, row.place) for row in (*ours, *theirs)}
            cases.append([word, members, ours, theirs, leg])
    return {(word, frozenset(members)) for word, members, *_ in put_together(cases)}


def put_together(cases):
    """Join cases of the two legs that are one fault."""
    gone = []
    for one, two in itertools.permutations(cases, 2):
        if any(two is case for case in gone) or one[4] is two[4]:
            continue
        if is_one_fault(one, two, cases):
            one[1] |= two[1]
            gone.append(two)
    return [case for case in cases if not any(case is other for other in gone)]


def is_one_fault(one, two, cases):
    word, _, ours, theirs, leg = one
    other_word, _, other_ours, other_theirs, _ = two
    if word is None:
        return False
    same_entry = len(ours) == len(other_ours) == 1 and ours[0].place == other_ours[0].place
    if same_entry and word == other_word and leg is Leg.PROVIDER:
        return True
    follows = {"MISSING_PSP", "MISSING_PLATFORM", "TIMING", "STALE_PENDING"}
    alone = not theirs and not other_theirs
    if same_entry and alone and word == "DUPLICATE_LEDGER" and other_word in follows:
        return True
    missing = word == other_word == "MISSING_LEDGER" and leg is Leg.PROVIDER
    if not missing or not theirs[0].ref or theirs[0].ref != other_theirs[0].ref:
        return False
    refs = defaultdict(int)
    for case in cases:
        if case[0] == "MISSING_LEDGER":
            refs[case[4], case[3][0].ref] += 1
    return refs[Leg.PROVIDER, theirs[0].ref] == refs[Leg.PLATFORM, theirs[0].ref] == 1
