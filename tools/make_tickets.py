"""Write the demo's support tickets and the list of faults planted in them.

The shop, its customers and every ticket are invented. The same files come out each time:

    python tools/make_tickets.py
"""

import csv
import io
import json
import random
import re
from datetime import date, timedelta
from pathlib import Path

from tickets.compose import Desk, Ticket, write_ticket
from tickets.desk import QUEUES, season_weight
from tickets.people import Customer, make_customers
from tickets.personal import plant_personal_data
from tickets.plant import Planted, plant_copies, plant_wrong_labels

DEMO = Path(__file__).resolve().parent.parent / "src" / "whet" / "demo"
SEED = 20260630
FIRST_DAY = date(2025, 1, 1)
DAYS = 546
BASE_TICKETS = 2425
COPIES = (60, 90, 25)
WRONG_LABELS = 78
CUSTOMERS = 2600
CHANNELS = {"email": 46, "chat": 22, "form": 19, "phone_note": 13}
TOO_ALIKE = 0.82
COLUMNS = ("ticket_id", "received", "customer", "channel", "language", "text", "queue")
ABOUT = (
    "What was planted in tickets.csv on purpose. exact_duplicates: the same text sent again. "
    "near_duplicates: sent again with a few words changed, same queue. contradictions: sent again "
    "almost word for word and sorted into another queue; the first of each pair carries the queue "
    "the desk's rules give, the second is not repeated under wrong_labels. wrong_labels: single "
    "tickets an agent put into a queue easily taken for the right one. personal_data: values "
    "written into the text, all fictional, a copy of such a ticket listed too; first names alone, "
    "order, tracking and gift card numbers are not listed."
)


def make_base(rng: random.Random) -> list[Ticket]:
    """The tickets before anything is planted, no two of them too much alike."""
    customers = make_customers(CUSTOMERS, rng)
    seen: dict[str, list[frozenset[str]]] = {}
    texts: set[str] = set()
    tickets: list[Ticket] = []
    while len(tickets) < BASE_TICKETS:
        ticket = write_ticket(_new_desk(customers, rng))
        words = _fingerprint(ticket.text)
        if _is_fresh(words, seen.setdefault(ticket.source, [])) and _bare(ticket.text) not in texts:
            seen[ticket.source].append(words)
            texts.add(_bare(ticket.text))
            tickets.append(ticket)
    return tickets


def _new_desk(customers: list[Customer], rng: random.Random) -> Desk:
    received = FIRST_DAY + timedelta(days=rng.randrange(DAYS))
    queue = rng.choices(QUEUES, [season_weight(queue, received) for queue in QUEUES])[0]
    customer = customers[int(len(customers) * rng.random() ** 1.25)]
    channel = rng.choices(list(CHANNELS), list(CHANNELS.values()))[0]
    if customer.language != "en" and channel == "phone_note":
        channel = "email"
    return Desk(customer, received, channel, queue, rng)


def _bare(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def _fingerprint(text: str) -> frozenset[str]:
    """The words of a text, numbers all alike."""
    return frozenset(re.findall(r"\w+", re.sub(r"\d+", "0", text.lower())))


def _is_fresh(words: frozenset[str], others: list[frozenset[str]]) -> bool:
    return all(len(words & other) < TOO_ALIKE * len(words | other) for other in others)


def plant(tickets: list[Ticket], rng: random.Random) -> Planted:
    """Put the personal data, the copies and the wrong labels in, and keep account of them."""
    planted = Planted()
    plant_personal_data(tickets, planted, rng)
    plant_copies(tickets, planted, COPIES, rng)
    _list_copied_values(planted)
    plant_wrong_labels(tickets, planted, WRONG_LABELS, rng)
    return planted


def _list_copied_values(planted: Planted) -> None:
    """A copy of a ticket with personal data holds the same value."""
    values = {id(ticket): (kind, value) for ticket, kind, value in planted.personal}
    for first, second in [*planted.exact, *planted.near, *planted.contradictions]:
        if id(first) in values and values[id(first)][1] in second.text:
            planted.personal.append((second, *values[id(first)]))


def number(tickets: list[Ticket]) -> None:
    """Put the tickets in the order they came in and number them."""
    tickets.sort(key=lambda ticket: ticket.received)
    for place, ticket in enumerate(tickets):
        ticket.ticket_id = f"T-{100001 + place}"


def as_csv(tickets: list[Ticket]) -> str:
    """The table as text."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for t in tickets:
        day = t.received.isoformat()
        writer.writerow((t.ticket_id, day, t.customer.number, t.channel, t.language, t.text, t.queue))
    return out.getvalue()


def as_json(planted: Planted) -> str:
    """The list of planted faults as text, by ticket id."""
    wrong = [{"ticket_id": t.ticket_id, "given": t.queue, "true": true} for t, true in planted.wrong]
    personal = [
        {"ticket_id": t.ticket_id, "type": kind, "value": value} for t, kind, value in planted.personal
    ]
    content = {
        "about": ABOUT,
        "exact_duplicates": _pairs(planted.exact),
        "near_duplicates": _pairs(planted.near),
        "wrong_labels": sorted(wrong, key=lambda entry: entry["ticket_id"]),
        "personal_data": sorted(personal, key=lambda entry: entry["ticket_id"]),
        "contradictions": _pairs(planted.contradictions),
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _pairs(pairs: list[tuple[Ticket, Ticket]]) -> list[list[str]]:
    return sorted([first.ticket_id, second.ticket_id] for first, second in pairs)


def main() -> None:
    """Write both files."""
    rng = random.Random(SEED)
    tickets = make_base(rng)
    planted = plant(tickets, rng)
    number(tickets)
    DEMO.mkdir(parents=True, exist_ok=True)
    (DEMO / "tickets.csv").write_text(as_csv(tickets), encoding="utf-8", newline="\n")
    (DEMO / "planted.json").write_text(as_json(planted), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
