"""Orders out to their devices, each at most once; by `publish`, which holds the connection.

Marked as sent before it is: an order that is lost is seen to be unanswered and is given again by
a person; one that came twice would open twice. So also QoS 0, and never retained.
"""

import time

import paho.mqtt.client as mqtt

from central.orders.models import Order
from central.venue.models import Venue
from wire.topic import Topics


def send_orders(client: mqtt.Client, topics: Topics, venue: Venue) -> int:
    """Send what was given since and has not expired; return how many."""
    sent = 0
    now = int(time.time())
    unsent = Order.objects.filter(device__venue=venue, sent_at=None, expires__gt=now)
    for order in unsent.select_related("device").order_by("pk"):
        if not client.is_connected():
            break
        if Order.objects.filter(pk=order.pk, sent_at=None).update(sent_at=now):
            topic = topics.command(order.device.identity)
            client.publish(topic, bytes(order.envelope), qos=0, retain=False)
            sent += 1
    return sent
