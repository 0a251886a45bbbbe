"""Signatures: every published example, what makes each of them false, and a great deal of noise."""

import base64
import random

import pytest

from crm_sync.messages.verify import (
    LONGEST_HEADER,
    MOST_SIGNATURES,
    Scheme,
    SignedRequest,
    is_authentic,
    problem_of_secret,
)
from tests.crm_sync.messages.signers import (
    PUBLIC_SECRET,
    SECRET,
    STANDARD_SECRET,
    URL,
    headers_of,
    hexed,
    secret_of,
)
from tests.thorough import LONG

NOW_S = 1_700_000_000
BODY = b'{"id": "evt_1", "amount": 100}'
TIMED = [Scheme.STRIPE, Scheme.HUBSPOT_V3, Scheme.STANDARD, Scheme.SLACK]
FUZZED = 100_000 if LONG else 5_000


def request(headers, body=BODY, method="POST", url=URL):
    raw = {name.lower().encode(): value.encode("latin-1") for name, value in headers.items()}
    return SignedRequest(headers=raw, body=body, method=method.encode(), url=url.encode())


def signed(scheme, now_s=NOW_S, **more):
    return request(headers_of(scheme, BODY, now_s, **more))


# What was published ------------------------------------------------------------------------------

SLACK_BODY = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&"
    b"channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&"
    b"command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2F"
    b"T1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&"
    b"trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)
HUBSPOT_SECRET = b"yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
HUBSPOT_BODY = (
    b'[{"eventId":1,"subscriptionId":12345,"portalId":62515,"occurredAt":1564113600000,'
    b'"subscriptionType":"contact.creation","attemptNumber":0,"objectId":123,'
    b'"changeSource":"CRM","changeFlag":"NEW","appId":54321}]'
)
HUBSPOT_URL = "https://www.example.com/webhook_uri"


def test_the_example_of_standard_webhooks_is_authentic():
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    secrets = [b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]
    body = b'{"test": 2432232314}'
    assert is_authentic(Scheme.STANDARD, request(headers, body), secrets, 1_614_265_330)
    assert not is_authentic(Scheme.STANDARD, request(headers, body + b" "), secrets, 1_614_265_330)


def test_the_example_of_slack_is_authentic():
    headers = {
        "X-Slack-Signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
        "X-Slack-Request-Timestamp": "1531420618",
    }
    secrets = [b"8f742231b10e8888abcd99yyyzzz85a5"]
    assert is_authentic(Scheme.SLACK, request(headers, SLACK_BODY), secrets, 1_531_420_618)


@pytest.mark.parametrize(
    ("version", "method", "body", "signature"),
    [
        ("v1", "POST", HUBSPOT_BODY,
         "232db2615f3d666fe21a8ec971ac7b5402d33b9a925784df3ca654d05f4817de"),
        ("v2", "GET", b"",
         "eee2dddcc73c94d699f5e395f4b9d454a069a6855fbfa152e91e88823087200e"),
        ("v2", "POST", b'{"example_field":"example_value"}',
         "9569219f8ba981ffa6f6f16aa0f48637d35d728c7e4d93d0d52efaa512af7900"),
    ],
)  # fmt: skip
def test_the_old_examples_of_hubspot_are_authentic(version, method, body, signature):
    headers = {"X-HubSpot-Signature": signature, "X-HubSpot-Signature-Version": version}
    scheme = Scheme(f"hubspot_{version}")
    came = request(headers, body, method, HUBSPOT_URL)
    assert is_authentic(scheme, came, [HUBSPOT_SECRET], NOW_S)
    other = request({**headers, "X-HubSpot-Signature-Version": "v3"}, body, method, HUBSPOT_URL)
    assert not is_authentic(scheme, other, [HUBSPOT_SECRET], NOW_S)


# What is authentic -------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", Scheme)
def test_a_signed_request_is_authentic_and_every_change_makes_it_false(scheme):
    good, secrets = signed(scheme), [secret_of(scheme)]
    assert is_authentic(scheme, good, secrets, NOW_S)
    changed = SignedRequest(
        headers=good.headers, body=BODY + b" ", method=good.method, url=good.url
    )
    assert not is_authentic(scheme, changed, secrets, NOW_S)
    for name in good.headers:
        if name != b"x-payload-digest-alg":
            without = {k: v for k, v in good.headers.items() if k != name}
            assert not is_authentic(
                scheme, SignedRequest(headers=without, body=BODY, url=good.url), secrets, NOW_S
            )


@pytest.mark.parametrize("scheme", Scheme)
def test_another_secret_or_none_or_an_empty_one_is_refused(scheme):
    other = b"whsec_" + base64.b64encode(b"x" * 32) if scheme is Scheme.STANDARD else b"x" * 32
    good = signed(scheme)
    assert not is_authentic(scheme, good, [other], NOW_S)
    assert not is_authentic(scheme, good, [], NOW_S)
    empty = good if scheme is Scheme.STANDARD else signed(scheme, secret=b"")
    assert not is_authentic(scheme, empty, [b""], NOW_S)


@pytest.mark.parametrize("scheme", Scheme)
def test_while_a_secret_is_rotated_the_old_and_the_new_one_are_valid(scheme):
    new = b"whsec_" + base64.b64encode(b"n" * 32) if scheme is Scheme.STANDARD else b"n" * 32
    both = [new, secret_of(scheme)]
    assert is_authentic(scheme, signed(scheme), both, NOW_S)
    assert is_authentic(scheme, signed(scheme, secret=new), both, NOW_S)


@pytest.mark.parametrize("scheme", TIMED)
@pytest.mark.parametrize(("off_s", "authentic"), [(0, True), (300, True), (301, False)])
@pytest.mark.parametrize("way", [1, -1])
def test_a_time_may_be_five_minutes_off_either_way(scheme, off_s, authentic, way):
    came = signed(scheme, now_s=NOW_S + way * off_s)
    assert is_authentic(scheme, came, [secret_of(scheme)], NOW_S) is authentic


@pytest.mark.parametrize(
    "stamp", ["", "-1", "1e9", "99999999999999", " 1700000000", "\u0661\u0667", "nan"]
)
def test_a_time_is_digits_and_nothing_else(stamp):
    headers = headers_of(Scheme.STANDARD, BODY, NOW_S) | {"webhook-timestamp": ""}
    raw = {k.encode(): v.encode() for k, v in headers.items()}
    raw[b"webhook-timestamp"] = stamp.encode()
    came = SignedRequest(headers=raw, body=BODY)
    assert not is_authentic(Scheme.STANDARD, came, [STANDARD_SECRET], NOW_S)


# What each scheme asks for -----------------------------------------------------------------------


def test_a_digest_of_sha_1_is_refused():
    headers = {"X-Payload-Digest-Alg": "HMAC_SHA1_HEX"}
    headers["X-Payload-Digest"] = hexed(SECRET, BODY, "sha1")
    assert not is_authentic(Scheme.SUMSUB, request(headers), [SECRET], NOW_S)


@pytest.mark.parametrize("named", [{}, {"X-Payload-Digest-Alg": "HMAC_SHA256_HEX"}])
def test_sumsub_signs_with_sha_256_unless_it_says_otherwise(named):
    headers = {**named, "X-Payload-Digest": hexed(SECRET, BODY)}
    assert is_authentic(Scheme.SUMSUB, request(headers), [SECRET], NOW_S)


def test_stripe_may_send_several_signatures_and_one_is_enough():
    good = headers_of(Scheme.STRIPE, BODY, NOW_S)["Stripe-Signature"]
    stamp, _, signature = good.partition(",")
    several = request({"Stripe-Signature": f"{stamp},v1={'0' * 64},{signature},v0=abc"})
    assert is_authentic(Scheme.STRIPE, several, [SECRET], NOW_S)
    old = request({"Stripe-Signature": good.replace("v1=", "v0=")})
    assert not is_authentic(Scheme.STRIPE, old, [SECRET], NOW_S)
    twice = request({"Stripe-Signature": f"t={NOW_S + 1},{good}"})
    assert not is_authentic(Scheme.STRIPE, twice, [SECRET], NOW_S)


def test_a_list_of_signatures_has_an_end():
    good = headers_of(Scheme.STANDARD, BODY, NOW_S)
    many = " ".join(["v1,AAAA"] * MOST_SIGNATURES + [good["webhook-signature"]])
    assert not is_authentic(
        Scheme.STANDARD, request({**good, "webhook-signature": many}), [STANDARD_SECRET], NOW_S
    )
    few = " ".join(["v1,AAAA", "nothing", "v2,x", good["webhook-signature"]])
    assert is_authentic(
        Scheme.STANDARD, request({**good, "webhook-signature": few}), [STANDARD_SECRET], NOW_S
    )


def test_a_header_that_is_too_long_is_as_good_as_none():
    good = headers_of(Scheme.STRIPE, BODY, NOW_S)["Stripe-Signature"]
    long = request({"Stripe-Signature": good + "," + "x" * LONGEST_HEADER})
    assert not is_authentic(Scheme.STRIPE, long, [SECRET], NOW_S)


def test_standard_webhooks_may_be_signed_with_a_private_key():
    came = signed(Scheme.STANDARD, secret=PUBLIC_SECRET)
    assert is_authentic(Scheme.STANDARD, came, [PUBLIC_SECRET], NOW_S)
    assert is_authentic(Scheme.STANDARD, came, [STANDARD_SECRET, PUBLIC_SECRET], NOW_S)
    assert not is_authentic(Scheme.STANDARD, came, [STANDARD_SECRET], NOW_S)
    assert not is_authentic(Scheme.STANDARD, signed(Scheme.STANDARD), [PUBLIC_SECRET], NOW_S)


def test_an_id_with_a_dot_is_refused_because_it_could_be_read_in_two_ways():
    good = signed(Scheme.STANDARD, name="msg.1")
    assert not is_authentic(Scheme.STANDARD, good, [STANDARD_SECRET], NOW_S)
    assert is_authentic(Scheme.STANDARD, signed(Scheme.STANDARD, name="m~g-1/"), [STANDARD_SECRET],
                        NOW_S)  # fmt: skip


def test_hubspot_signs_the_address_with_some_escapes_undone():
    url = f"{URL}?to=a%3Ab%2fc%20d%40e"
    headers = headers_of(Scheme.HUBSPOT_V3, BODY, NOW_S, url=url.replace("%20", "%2520"))
    came = request(headers, url=url)
    assert is_authentic(Scheme.HUBSPOT_V3, came, [SECRET], NOW_S)
    assert not is_authentic(Scheme.HUBSPOT_V3, request(headers), [SECRET], NOW_S)


@pytest.mark.parametrize(
    ("scheme", "secret", "problem"),
    [
        (Scheme.STRIPE, b"short", "at least 16 bytes"),
        (Scheme.STRIPE, SECRET, ""),
        (Scheme.STANDARD, SECRET, "whsec_ or whpk_"),
        (Scheme.STANDARD, b"whsec_%%%", "whsec_ or whpk_"),
        (Scheme.STANDARD, b"whsec_AAAA", "at least 16 bytes"),
        (Scheme.STANDARD, b"whpk_AAAA", "32 bytes of ed25519"),
        (Scheme.STANDARD, STANDARD_SECRET, ""),
        (Scheme.STANDARD, PUBLIC_SECRET, ""),
    ],
)
def test_a_secret_that_could_never_verify_is_named(scheme, secret, problem):
    said = problem_of_secret(scheme, secret)
    assert problem in said
    assert bool(said) is bool(problem)


# Noise -------------------------------------------------------------------------------------------


def noise(random_, headers):
    """Return headers in which something is wrong."""
    name = random_.choice(list(headers))
    value = headers[name]
    at = random_.randrange(len(value) + 1)
    byte = bytes([random_.randrange(256)])
    changes = [
        lambda: value[:at] + byte + value[at + 1 :],
        lambda: value[:at] + byte + value[at:],
        lambda: value[:at] + value[at + 1 :],
        lambda: random_.randbytes(random_.randrange(200)),
        value.upper,
        lambda: value * random_.randrange(2, 30),
        lambda: value.replace(b"v1", b"v2"),
        lambda: b",".join([value, value]),
        lambda: b"\xff\xfe" + value,
        lambda: b"=," * random_.randrange(3_000),
    ]
    return {**headers, name: random_.choice(changes)()}


def test_noise_never_raises_and_is_never_believed():
    """Only what an honest signer would have sent may pass, byte for byte."""
    random_ = random.Random(20_261_126)  # noqa: S311 - a seed, no secret
    schemes = list(Scheme)
    secrets = {s: [secret_of(s)] for s in Scheme} | {"ed25519": [PUBLIC_SECRET]}
    passed = 0
    for number in range(FUZZED):
        scheme = schemes[number % len(schemes)]
        public = scheme is Scheme.STANDARD and number % 2 == 0
        secret = PUBLIC_SECRET if public else secret_of(scheme)
        good = signed(scheme, secret=secret)
        headers = noise(random_, dict(good.headers))
        body = BODY if random_.random() < 0.5 else random_.randbytes(random_.randrange(300))
        now_s = NOW_S + random_.choice([0, 0, 0, 10**6, -(10**6)])
        came = SignedRequest(headers=headers, body=body, method=good.method, url=good.url)
        known = secrets["ed25519"] if public else secrets[scheme]
        if is_authentic(scheme, came, known, now_s):
            passed += 1
            assert body == BODY
            assert said(scheme, headers) == said(scheme, good.headers), (scheme, headers)
    assert passed < FUZZED / 10


def said(scheme, headers):
    """Return what a list of signatures says of the time and holds of the honest signature."""
    if scheme is Scheme.STRIPE:
        good = headers_of(scheme, BODY, NOW_S)["Stripe-Signature"].encode()
        fields = headers[b"stripe-signature"].split(b",")
        return {item.strip() for item in fields} & set(good.split(b","))
    if scheme is Scheme.STANDARD:
        wanted = signed(scheme).headers[b"webhook-signature"]
        kept = {k: v for k, v in headers.items() if k != b"webhook-signature"}
        good = {wanted, signed(scheme, secret=PUBLIC_SECRET).headers[b"webhook-signature"]}
        return kept, bool(good & set(headers[b"webhook-signature"].split(b" ")))
    return dict(headers)
