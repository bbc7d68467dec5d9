"""People as a whole."""

from flask import Response
from flask.views import MethodView

from app.api.answers import answer
from app.api.auth import require
from app.api.blueprint import Blueprint, lets_in
from app.api.context import services
from app.api.errors import not_found
from app.api.operator_schemas import ErasedAnswer
from app.domain.ids import is_user_id

blueprint = Blueprint("users", __name__, description="People as a whole")


@blueprint.route("/users/<string:user_id>")
class OneUser(MethodView):
    """One person."""

    @blueprint.doc(**lets_in("admin"))
    @blueprint.response(202, ErasedAnswer)
    def delete(self, user_id: str) -> Response:
        """Erase a person: contacts, preferences, inbox and every text; their events' data if nobody else got them.

        What was open is cancelled(erased); what is being sent ends with that attempt. Sessions, tokens and tickets that
        were made for them before count no more, and their streams end. `status` is `erasing` while
        something is left for the relay to do. The audit log goes on to know the person by `pseudonym` alone. Events
        that come later are taken as for anybody. Asking again does no harm.
        """
        who = require("admin")
        if not is_user_id(user_id):
            not_found()
        done = services().erasures.erase(user_id, actor=who.actor)
        return answer({"status": "erased" if done.is_complete else "erasing", "pseudonym": done.pseudonym}, 202)
