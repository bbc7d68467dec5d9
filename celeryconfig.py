"""Celery's settings. Each has its reason beside it; none is there for taste.

No combination of them makes a broker lossless, which is why the database says what is true and the relay announces
again whatever got lost on the way.
"""

from kombu import compression
from kombu.transport import TRANSPORT_ALIASES

from app.config import Settings
from app.runtime.broker import redis_url
from tasks.inspection import refuse_compressed
from tasks.lanes import queues

_settings = Settings.load()

broker_url = _settings.broker_url or redis_url(_settings)
# Ours in the place of kombu's, under the names that URLs give them: Flower goes by those names.
TRANSPORT_ALIASES.update(
    redis="tasks.redis_transport:Transport",
    rediss="tasks.redis_transport:Transport",
    amqp="tasks.amqp_transport:Transport",
    amqps="tasks.amqp_transport:SecureTransport",
)
# A few compressed bytes may unpack to more memory than there is, and kombu unpacks before anybody is asked.
for _type in compression.encoders():
    compression.register(compression.get_encoder(_type)[0], refuse_compressed, _type)

# Nothing reads results, and a result backend makes publishing wait for a broker that is down.
result_backend = None
task_ignore_result = True

# Only JSON: a pickle from the broker would be code.
task_serializer = "json"
accept_content = ["json"]
timezone = "UTC"

# Strangers write on the ingest lane: what is no task of ours ends no worker.
worker_consumer = "tasks.consumer:CarefulConsumer"

# A message is acknowledged when its task has ended, and goes back when its worker dies.
task_acks_late = True
task_reject_on_worker_lost = True
# What a worker holds and does not run is what a dead worker delays.
worker_prefetch_multiplier = 1

# Queues exist for the lanes and for nothing else, so a typo is an error and not a queue without a consumer.
task_queues = queues()
task_default_queue = "ingest"
task_default_exchange = "im2-notifications"
task_create_missing_queues = False

# Keep trying to reach the broker, for ever: the supervisor and /health tell people about it.
broker_connection_retry_on_startup = True
broker_connection_max_retries = None
broker_transport_options = (
    {
        # Four times the longest countdown, or a waiting retry would be handed out twice.
        "visibility_timeout": 3600,
        # Look for messages of dead workers every ten seconds, not every hundred.
        "unacked_restore_interval": 10,
        "unacked_restore_throttle": 1,
        # Notice a half-open connection.
        "socket_timeout": 30,
        "socket_connect_timeout": 3,
        "socket_keepalive": True,
        "health_check_interval": 25,
    }
    if broker_url.startswith("redis")
    else {"confirm_publish": True}
)
# A retry that cannot be published soon is left to the relay.
task_publish_retry_policy = {"max_retries": 3, "interval_start": 0, "interval_step": 0.2, "interval_max": 0.5}

# On SIGQUIT running tasks get ten seconds before their messages go back.
worker_soft_shutdown_timeout = 10
# Flower shows what happens only if it is told; without Flower the events would cost a quarter of the speed for nothing.
worker_send_task_events = _settings.flower_port != 0
worker_hijack_root_logger = False
# Services may send tasks of theirs only to the ingest lane; whatever else arrives is refused by name.
imports = ("tasks.submit", "tasks.pipeline", "tasks.canary")
