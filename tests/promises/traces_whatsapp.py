"""The stories over WhatsApp: read from what its library tells, edits and recalls with it, true ones and forged ones."""

from typing import Any

from postroom.domain.remote import Gap, MessageSeen
from tests.promises.border_whatsapp import TELEPHONES, Telephones
from tests.promises.traces import Trace


class WhatsAppTrace(Trace):
    border = TELEPHONES
    make_world = Telephones

    def _event(self, member: str) -> Any:
        world, chance = self.world, self.chance
        assert isinstance(world, Telephones)
        match chance.randrange(14):
            case 0 | 1:
                return self._seen(member, "written")
            case 2:
                return self._seen(member, "edited")
            case 3 | 4:
                return world.edited(member)
            case 5:
                return self._answer(member)
            case 6:
                return MessageSeen(message=world.plain(member, chance.randint(1, 3)))
            case 7:
                return world.reacted(member)
            case 8:
                return world.read_by_bea() if member == "ada" else Gap(reason="connected")
            case 9 | 10:
                return world.imported(member)
            case 11:
                return self._chat(member)
            case 12:
                # Bea says that she wrote it: she is not believed.
                assert not world.edited(member, "bea")
                return Gap(reason="connected")
            case _:
                return Gap(reason="connected")

    def _gone(self, member: str) -> Any:
        world = self.world
        assert isinstance(world, Telephones)
        if self.chance.random() < 0.2:
            return MessageSeen(message=world.target(member, "recalled"))
        return world.revoked(member)
