"""What others may hear of."""

from django.dispatch import Signal

replied = Signal()  # the staff to a turn: `turn`, `text`, `by`; sent inside the transaction that stores it
