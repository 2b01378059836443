"""The desk: its queues, how common each is in which month, and the rules it sorts by."""

from datetime import date

from tickets import (
    queue_account_access,
    queue_late_delivery,
    queue_membership_billing,
    queue_order_change_or_cancel,
    queue_payment_problem,
    queue_privacy_request,
    queue_product_advice,
    queue_refund_status,
    queue_return_request,
    queue_store_and_repair,
    queue_warranty_claim,
    queue_wrong_or_damaged_item,
)
from tickets.spintax import Phrase, parse_block
from tickets.wants import WANTS as WANT_BLOCKS

MODULES = {
    "late_delivery": queue_late_delivery,
    "wrong_or_damaged_item": queue_wrong_or_damaged_item,
    "refund_status": queue_refund_status,
    "return_request": queue_return_request,
    "warranty_claim": queue_warranty_claim,
    "order_change_or_cancel": queue_order_change_or_cancel,
    "payment_problem": queue_payment_problem,
    "account_access": queue_account_access,
    "membership_billing": queue_membership_billing,
    "product_advice": queue_product_advice,
    "privacy_request": queue_privacy_request,
    "store_and_repair": queue_store_and_repair,
}
SHARES = {
    "late_delivery": 16.8,
    "wrong_or_damaged_item": 11.0,
    "refund_status": 10.2,
    "return_request": 11.0,
    "warranty_claim": 8.0,
    "order_change_or_cancel": 9.0,
    "payment_problem": 8.5,
    "account_access": 6.5,
    "membership_billing": 6.0,
    "product_advice": 6.0,
    "privacy_request": 2.9,
    "store_and_repair": 3.5,
}
# Months in which a queue is busier (or quieter) than its share says.
SEASONS = {
    "late_delivery": {11: 1.4, 12: 1.8, 1: 1.2, 7: 0.8},
    "return_request": {1: 1.7, 12: 0.8, 2: 1.2},
    "refund_status": {1: 1.2, 2: 1.4},
    "warranty_claim": {9: 1.4, 10: 1.4, 12: 0.6},
    "payment_problem": {11: 1.6, 12: 1.2},
    "membership_billing": {3: 1.9, 4: 1.3, 8: 0.7},
    "product_advice": {4: 1.3, 5: 1.6, 6: 1.6, 12: 0.8},
    "store_and_repair": {3: 1.3, 10: 1.3},
}
# With two wishes in one ticket, the one that stands first here needs action first.
PRIORITY = (
    "order_change_or_cancel",
    "payment_problem",
    "account_access",
    "late_delivery",
    "wrong_or_damaged_item",
    "membership_billing",
    "return_request",
    "warranty_claim",
    "refund_status",
    "privacy_request",
    "store_and_repair",
    "product_advice",
)
# Where a hurried agent puts a ticket by mistake.
CONFUSABLE = {
    "late_delivery": ("order_change_or_cancel", "refund_status", "wrong_or_damaged_item"),
    "wrong_or_damaged_item": ("warranty_claim", "return_request", "late_delivery"),
    "refund_status": ("return_request", "payment_problem", "late_delivery"),
    "return_request": ("refund_status", "wrong_or_damaged_item", "order_change_or_cancel"),
    "warranty_claim": ("wrong_or_damaged_item", "store_and_repair", "return_request"),
    "order_change_or_cancel": ("late_delivery", "return_request", "payment_problem"),
    "payment_problem": ("membership_billing", "refund_status", "account_access"),
    "account_access": ("privacy_request", "payment_problem", "membership_billing"),
    "membership_billing": ("payment_problem", "account_access", "refund_status"),
    "product_advice": ("store_and_repair", "return_request", "warranty_claim"),
    "privacy_request": ("account_access", "membership_billing"),
    "store_and_repair": ("warranty_claim", "product_advice", "late_delivery"),
}
# Queues in which a message that names no wish at all may turn out to belong.
VAGUE_QUEUES = ("late_delivery", "refund_status", "warranty_claim", "wrong_or_damaged_item")
ORDER_QUEUES = ("late_delivery", "wrong_or_damaged_item", "refund_status", "return_request")
ACCOUNT_QUEUES = ("account_access", "membership_billing", "privacy_request", "payment_problem")
QUEUES = tuple(SHARES)


def _blocks(name: str) -> dict[str, list[Phrase]]:
    return {queue: parse_block(getattr(MODULES[queue], name)) for queue in QUEUES}


CORES = _blocks("CORES")
ASIDES = _blocks("ASIDES")
PAST = _blocks("PAST")
PHONE = _blocks("PHONE")
WANTS = {queue: parse_block(WANT_BLOCKS[queue]) for queue in QUEUES}
OTHER = {
    queue: {language: parse_block(block) for language, block in module.OTHER.items()}
    for queue, module in MODULES.items()
}


def season_weight(queue: str, received: date) -> float:
    """The share of a queue among the tickets of that month, up to a common factor."""
    return SHARES[queue] * SEASONS.get(queue, {}).get(received.month, 1.0)


def deciding(first: str, second: str) -> str:
    """The queue of a ticket with two wishes."""
    return min(first, second, key=PRIORITY.index)
