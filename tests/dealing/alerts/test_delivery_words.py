"""What is said of many cases is short, plain and complete about the critical ones."""

from dealing.alerts.delivery_words import summary_of_gone, summary_of_waiting
from dealing.alerts.model import Severity
from tests.dealing.alerts.kept_cases import case, critical, resolved


def test_one_alert_is_not_several():
    assert summary_of_gone([resolved(3)], "slack", was_down=False) == (
        "1 alert came and went before there was time to say so: 1 margin_call; the most severe: "
        "A-3 login 3 is at 99 %"
    )
    assert summary_of_waiting([case(3)], "") == (
        "1 more alert waits on the desk: 1 margin_call; the largest: A-3 login 3 is at 99 %"
    )


def test_the_largest_are_named_by_severity_and_then_by_usd():
    cases = [
        case(1, worst_usd=1e6, severity=Severity.INFO),
        case(2, worst_usd=5.0),
        case(3, worst_usd=7.0),
        case(4, worst_usd=6.0),
        resolved(5, worst_usd=1.0),
    ]
    assert summary_of_waiting(cases, "http://desk/alerts") == (
        "5 more alerts wait on the desk (1 of them over already): 5 margin_call; the largest: "
        "A-3 login 3 is at 99 %; A-4 login 4 is at 99 %; A-2 login 2 is at 99 % http://desk/alerts"
    )


def test_every_critical_case_is_named_and_the_first_ones_with_their_headline():
    text = summary_of_gone([critical(n) for n in range(1, 13)], "slack", was_down=True)
    assert text.startswith(
        "12 alerts came and went while slack was down: 12 stop_out; critical: A-1"
    )
    assert text.endswith("; A-10 login 10 is at 99 %; A-11; A-12")


def test_a_headline_is_one_short_line_whatever_a_client_wrote_into_it():
    text = summary_of_waiting([case(headline="a\n\n b\t" + "x" * 500)], "")
    assert "\n" not in text
    assert text.endswith(f"A-1 a b {'x' * 115}…")
