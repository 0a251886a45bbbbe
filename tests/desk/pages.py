"""What every test of a page does with it: hear its complaints, and ask axe for serious ones."""

from axe_playwright_python.sync_playwright import Axe


def listen(page, complaints):
    """Collect errors and warnings, of scripts and of the console."""
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(f"dialog {dialog.message}"))
    # a browser looks for an icon of its own beside an answer that is no page, sometimes late
    page.on("console", lambda said: said.type in {"error", "warning"}
            and "/favicon.ico" not in str(said.location)
            and complaints.append(said.text))  # fmt: skip


def serious(page):
    """Return what axe calls serious or critical, with the first places of each."""
    seen = Axe().run(page).response
    assert len(seen["passes"]) > 20
    return [
        (violation["id"], [node["html"][:160] for node in violation["nodes"][:3]])
        for violation in seen["violations"]
        if violation["impact"] in {"serious", "critical"}
    ]
