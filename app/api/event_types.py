"""Which events there are, and what each must carry."""

from flask import Response
from flask.views import MethodView

from app.api.answers import answer
from app.api.auth import require_any
from app.api.blueprint import Blueprint, lets_in
from app.api.context import services
from app.api.operator_schemas import EventTypes
from app.domain.events import EventType
from app.domain.preferences import ChannelTraits, lock_of

blueprint = Blueprint("event-types", __name__, description="Which events there are")


@blueprint.route("/event-types")
class EventTypeList(MethodView):
    """The event types."""

    @blueprint.doc(**lets_in(users=True))
    @blueprint.response(200, EventTypes)
    def get(self) -> Response:
        """List the event types: how severe each is, where it goes by default, and the JSON Schema of its data."""
        require_any()
        traits = services().traits
        return answer({"items": [_shown(type_, traits) for type_ in services().event_types.values()]})


def _shown(type_: EventType, traits: tuple[ChannelTraits, ...]) -> dict[str, object]:
    locks = {trait.name: lock_of(type_, trait.kind) for trait in traits}
    return {
        "name": type_.name,
        "severity": type_.priority,
        "subject_field": type_.subject_field,
        "recipients_required": not type_.for_operators,
        "defaults": {trait.name: locks[trait.name] or type_.defaults.get(trait.kind, "off") for trait in traits},
        "locked": [name for name, lock in locks.items() if lock],
        "schema": type_.data_schema,
        "sample": type_.sample,
    }
