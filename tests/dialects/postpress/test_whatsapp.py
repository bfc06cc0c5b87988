"""WhatsApp through PostPress, whole: linked by a QR code, through a hosted page, and a message that is sent on."""

import re
from pathlib import Path

import httpx

from postroom.domain.logins import Show
from tests.connectors.whatsapp.telephone import CLEO, GROUP, linked
from tests.desk import Desk
from tests.dialects.postpress.shapes import check
from tests.servers import lent


async def test_an_account_is_linked_by_a_qr_code_at_the_api_and_at_a_hosted_page(tmp_path: Path) -> None:
    async with lent(tmp_path / "data") as built:
        desk = Desk(built)
        transport = httpx.ASGITransport(app=built.house.app)
        headers = {"X-API-KEY": built.kept.key}
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:1", headers=headers) as http:
            asked = await http.post("/postpress/v1/accounts", json={"provider": "WHATSAPP"})
            assert asked.status_code == 202, asked.text
            check("Checkpoint", asked.json())
            shown = asked.json()["checkpoint"]
            assert shown["type"] == "QRCODE"
            await built.sim.post("/_sim/network/whatsapp/do/scan", json={"code": shown["qrcode"]})
            path = f"/postpress/v1/accounts/{asked.json()['account_id']}"
            for _ in range(100):
                if (await http.get(path)).status_code == 200:
                    break
                await desk.advance(2)
                await desk.work()
            check("Account", (await http.get(path)).json())
            assert (await http.get(path)).json()["type"] == "WHATSAPP"

            body = {"type": "create", "providers": ["WHATSAPP"], "expiresOn": "2027-06-01T00:00:00.000Z"}
            url = (await http.post("/postpress/v1/hosted/accounts/link", json=body)).json()["url"]
            page = await http.post(url, data={"provider": "whatsapp", "flow": "qr"})
            assert "<svg" in page.text
            again = re.search(r"url=(/connect/[^\"]+)", page.text)
            assert again is not None
            _, step = await built.house.services.accounts.linking.standing(built.caller, again[1].rpartition("=")[2])
            assert isinstance(step, Show)
            await built.sim.post("/_sim/network/whatsapp/do/scan", json={"code": step.code})
            for _ in range(100):
                if "The account is linked" in (await http.get(again[1])).text:
                    break
                await desk.advance(2)
                await desk.work()
            assert "The account is linked" in (await http.get(again[1])).text


async def test_a_message_is_sent_on_to_another_chat(tmp_path: Path) -> None:
    async with linked(tmp_path / "data") as it:
        transport = httpx.ASGITransport(app=it.built.house.app)
        headers = {"X-API-KEY": it.built.kept.key}
        base_url = "http://127.0.0.1:1/postpress/v1"
        async with httpx.AsyncClient(transport=transport, base_url=base_url, headers=headers) as http:
            message, group = await it.own(CLEO), await it.chat(GROUP)
            on = await http.post(f"/messages/{message.id}/forward", json={"chat_id": group.id})
            assert on.status_code == 200, on.text
            check("MessageForwarded", on.json())
            forwarded = (await http.get(f"/messages/{on.json()['message_id']}")).json()
            check("Message", forwarded)
            assert (forwarded["text"], forwarded["chat_id"]) == (message.content.text, group.id)
