"""`crypto-bot notify test`: the replies of the receivers, and URLs that are none."""

import pytest

from tests.adapters.notify.receivers import listening
from tests.app.conftest import Run

pytestmark = [
    pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning"),
    pytest.mark.usefixtures("empty_folder"),
]
SECRET = "hush-hush-4711"
URLS = "CRYPTO_BOT_NOTIFY__URLS"


def test_the_reply_of_each_receiver_is_printed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with listening() as good, listening() as bad:
        bad.status = 403
        monkeypatch.setenv(URLS, f"{good.url(SECRET)}\n{bad.url(SECRET)}")
        code, printed = run("notify", "test")
        assert code == 1
        first, second = printed.splitlines()
        assert first == "1 JSON  delivered"
        assert second.startswith("2 JSON  NOT delivered: Failed to send JSON POST notification")
        assert "error=403" in second
        assert SECRET not in printed
        assert good.messages[0]["title"] == "crypto_bot: test"
        monkeypatch.setenv(URLS, good.url())
        assert run("notify", "test") == (0, "1 JSON  delivered\n")


@pytest.mark.parametrize(
    ("urls", "expected"),
    [(None, f"set {URLS}"), (f"nonsense://{SECRET}", "number 1 is no URL"), (" ", "is empty")],
)
def test_bad_urls_are_an_error_of_one_line(
    urls: str | None, expected: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    if urls is not None:
        monkeypatch.setenv(URLS, urls)
    code, printed = run("notify", "test")
    assert (code, printed.count("\n")) == (2, 1)
    assert expected in printed
    assert SECRET not in printed
