"""A change of alerts is kept whole or not at all, wherever it is cut off."""

from sqlalchemy import event

from dealing.alerts.ports import CasesAsked
from dealing.storage.alert_store import SqlAlertStore
from tests.dealing.alerts.kept_cases import START, case, keep


class CutOffError(Exception):
    """The process ended here, as far as the database can tell."""


class Cut:
    """Ends the work at its n-th statement."""

    def __init__(self, database):
        self.left = None
        event.listen(database._engine, "before_cursor_execute", self._count)

    def _count(self, *_):
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise CutOffError


def everything(store):
    kept = store.begin()
    return (
        kept.cursors,
        kept.last_number,
        store.cases(CasesAsked()),
        [store.entries(number) for number in range(5)],
        store.waiting("slack", START, 100),
    )


def test_a_change_that_is_cut_off_anywhere_leaves_nothing_behind(database):
    store = SqlAlertStore(database)
    keep(store, case(1), case(2), cursors={"deals": "1"})
    before, cut = everything(store), Cut(database)
    done = 0
    for statements in range(50):
        cut.left = statements
        try:
            keep(store, case(1, version=2), case(3), cursors={"deals": "2", "trades": "7"})
        except CutOffError:
            cut.left = None
            assert everything(store) == before
            done += 1
        else:
            break
    cut.left = None
    assert done >= 4, "cases, lines, deliveries and cursors are statements of their own"
    after = everything(store)
    assert after[:2] == ({"deals": "2", "trades": "7"}, 3)
    assert [one.wanted_version for one in after[4]] == [2, 1, 1]
