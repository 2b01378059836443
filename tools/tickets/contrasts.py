"""Pairs of tickets that read alike and go to different queues, because the desk says so.

Each family has frames that both sides share and, for each queue, the cue that decides.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Family:
    """Shared frames with a {cue} slot, and the cues that settle the queue."""

    rule: str
    frames: str
    cues: dict[str, str]


FAMILIES = (
    Family(
        "an address changed before dispatch is an order change, after dispatch it is delivery",
        """
- [I need|I would like] {order} to go to [my work|my parents|a different flat] in {city2}. {cue}
- The address on {order} is the old one. {cue}
- Please send the {noun} to {city2} and not to {city}. {cue}
- We've moved [sooner than planned|last week]. {order} must not go to the old place. {cue}
- I gave the wrong street [again|in the form]. {cue}
- ~ put in the old address by accident, {cue}
- {cue} [Problem|Trouble] is, I'm in {city2} until {day} and nobody is at home.
""",
        {
            "order_change_or_cancel": """
- The page still says [processing|received|being packed].
- It has not [shipped|left] yet.
- I ordered [twenty minutes ago|this morning|last night].
- No dispatch mail so far.
""",
            "late_delivery": """
- It [shipped|left] [yesterday|on {day}].
- The [dispatch|tracking] mail came [this morning|on {day}].
- {carrier} already has it.
- Tracking shows it moving.
""",
        },
    ),
    Family(
        "a fault in the first 30 days is a damaged item, later it is a guarantee claim",
        """
- {fault}. {cue}
- {cue} Now {fault}.
- Look at the photo: {fault}. {cue} I'd like a new one.
- {fault}, [without any reason|just like that]. {cue} What can you do?
- ~ {fault} :( {cue}
- I was [careful|gentle] with {it} and {fault}. {cue}
- {fault}. {cue} [Not acceptable.|Poor quality.|That shouldn't happen.]
- My {product} [didn't last|let me down]: {fault}. {cue}
- Can {it} be replaced? {fault}. {cue}
""",
        {
            "wrong_or_damaged_item": """
- I've had {it} [eight|ten|twelve|twenty] days.
- [Two|Three] weeks old.
- {It} came [{day}|on {date}|the other day].
- Second time I used {it}, {it} arrived last week.
- I only unpacked {it} [yesterday|on {day}].
""",
            "warranty_claim": """
- I've had {it} [eight|ten|twelve|twenty] months.
- [Two|Three] months old.
- {It} came in {month}.
- I bought {it} in {month}.
- Second season I used {it}.
- It was [six|seven] weeks ago that I got {it}.
""",
        },
    ),
    Family(
        "cancelling before dispatch is an order change, after dispatch it is a return",
        """
- I don't want the {noun} any longer. {cue}
- Please cancel {order}. {cue}
- [Is it too late to cancel?|Can I still cancel?] {cue}
- {cue} I would like to [withdraw from|undo] the purchase.
- ~ wanna cancel, {cue}
- Found the {name} cheaper [at a shop nearby|elsewhere]. {cue} I'd like out of {order}.
- My [boss|doctor] has put an end to the trip to {trip}. No need for the {noun}. {cue}
- I'd rather have the {product2}. {cue}
""",
        {
            "order_change_or_cancel": """
- It's [open|in preparation] as far as I can see.
- You have not sent it yet.
- Ordered [an hour|half an hour] ago.
- Status: received.
- The warehouse hasn't touched it, I hope.
""",
            "return_request": """
- It was sent [out yesterday|on {day}].
- [It came today|The box is here already], unopened.
- I see it's [out for delivery|on the van].
- Status: shipped.
- It's on its way, I'm afraid.
""",
        },
    ),
    Family(
        "a charge for the club is membership billing, a charge for goods is a payment problem",
        """
- There are two debits from you on my statement. {cue}
- {amount2} went off my account and I [don't know why|did not agree to that]. {cue}
- Why was I charged again? {cue}
- Something was taken from my card on {date}. {cue}
- ~ why is there money gone from my card. {cue}
- Please explain the debit of {date}. {cue}
- The discount [was not taken off|is missing]. {cue}
- I was billed more than I was shown. {cue}
""",
        {
            "membership_billing": """
- It says CAIRN on it.
- I only [joined|signed up] for a trial.
- I left the club in {month}.
- It's the yearly one I think.
- I'm a member after all.
""",
            "payment_problem": """
- It says {order} on it.
- I only bought [a {noun2}|one thing].
- I last shopped in {month}.
- It's for the order of {date} I think.
- I had typed the code in.
""",
        },
    ),
    Family(
        "too small by my own choice is a return, the wrong size in the bag is a wrong item",
        """
- The {noun} {doesnt} fit. {cue}
- {It} {is} too [small|big|long]. {cue} I need {size}.
- I [expected|wanted] a {size} and this is nowhere near. {cue}
- ~ size is off. {cue}
- {cue} Please swap it for {size}.
- I'd like to swap the {noun}. {cue}
- Colour and size are not what I had in mind. {cue}
""",
        {
            "return_request": """
- I ordered {size2}, I know.
- My own fault.
- I went by the chart.
- I thought {size2} would do.
- I guessed.
""",
            "wrong_or_damaged_item": """
- The tag says {size2}.
- The confirmation says {size}.
- I ordered {size}, I looked it up.
- The sticker on the bag says otherwise.
- Somebody mixed it up.
""",
        },
    ),
    Family(
        "work on things past the two years or at the owner's cost is the workshop's",
        """
- {fault}. {cue}
- My beloved {noun}: {fault}. {cue}
- Can you fix this? {fault}. {cue}
- {cue} {fault} and I'd like to keep {it}.
- Who looks at such things at yours? {fault}. {cue}
- ~ {fault}. {cue} fixable?
- I'd like somebody to look at my {noun}. {fault}. {cue}
""",
        {
            "store_and_repair": """
- Bought {oldyear}.
- I know that's not your fault, tell me the price.
- I fell on it.
- The dog got it.
- Of course I'll pay.
- {It} {is} [nine|seven|eleven] years old.
""",
            "warranty_claim": """
- Bought {yearago}, in {month}.
- I know that's not my fault.
- I never fell on it.
- Of course I won't pay.
- {It} {is} [nine|seven|eleven] months old.
""",
        },
    ),
    Family(
        "goods still with the customer are a return, goods back in the warehouse a refund",
        """
- It's about [giving back|the return of] the {noun}. {cue}
- {order}, return. {cue}
- I want my money back for the {noun}. {cue}
- How does it go on with my return? {cue}
- I don't want another {noun}, I want the {amount}. {cue}
- ~ want my money back. {cue}
- I'm done with this {noun}. {cue} Please pay me back.
- You write that I get {amount} back. {cue}
""",
        {
            "return_request": """
- I haven't posted it yet.
- It's here in the hall, packed.
- Still no label.
- Where do I send it?
- Who picks it up?
""",
            "refund_status": """
- I posted it on {date}.
- It was signed for at yours.
- You have had it for {ago}.
- Your portal says "received".
- Handed in on {date}, slip kept.
""",
        },
    ),
    Family(
        "closing the account for the data's sake is privacy, for the fee's sake membership",
        """
- Please close my account. {cue}
- I want out. {cue}
- I'm leaving Halden. {cue}
- How do I get rid of my account? {cue}
- ~ delete me. {cue}
- I wish to end everything I have with you. {cue}
""",
        {
            "privacy_request": """
- I don't want to be on file anywhere.
- No mails after that.
- My details must go.
- I never even bought anything.
""",
            "membership_billing": """
- I don't want to pay for it again.
- No debits after that.
- It renews on {futuredate}.
- The year is over anyway.
""",
        },
    ),
    Family(
        "waiting in a shop or for a collect order is the shop's, at a parcel point it is delivery",
        """
- I went to pick up {order} in {city} and it wasn't there. {cue}
- The {noun} should be waiting for me in {city}. {cue} They don't know of it.
- Drove to {city} for nothing. {cue}
- My order is "ready" and nobody can hand it to me. {cue}
- How long do they keep {order} there? {cue}
""",
        {
            "store_and_repair": """
- I chose your shop.
- Click and collect.
- The girl at your till looked for ages.
- At your branch by the station.
""",
            "late_delivery": """
- I chose the parcel shop.
- The {carrier} point, a kiosk.
- The man at the petrol station looked for ages.
- At the locker by the station.
""",
        },
    ),
    Family(
        "money back to a gift card, or a gift card in any part, is a payment problem",
        """
- The {noun} went back on {date}. {cue} Where is my money?
- I'm waiting for {amount}. {cue}
- {order} was cancelled by you. {cue} When do I get it back?
- {cue} The {noun} {has} been returned and I see no balance.
- ~ sent the {noun} back, {cue} wheres the money
""",
        {
            "payment_problem": """
- I'd paid with a gift card.
- Half of it was a gift card, {giftcode}.
- It was a voucher from my aunt.
""",
            "refund_status": """
- I'd paid with my Visa.
- Half of it was PayPal.
- It was a gift for my aunt.
- It was paid by transfer.
""",
        },
    ),
    Family(
        "a price that fell after the purchase is a refund matter, before dispatch an order change",
        """
- The {noun} {is} {smallamount} cheaper [today|since {day}]. {cue} I'd like [the new price|the
  lower price].
- I see the sale has started. {cue} Can I have the {noun} at the sale price?
- {order}: price fell by {smallamount}. {cue}
""",
        {
            "refund_status": """
- I've had mine for a week.
- Mine came on {day}.
- Paid and delivered {ago2} ago.
""",
            "order_change_or_cancel": """
- Mine hasn't been sent.
- I ordered last night.
- Not packed yet, says the page.
""",
        },
    ),
    Family(
        "missing from the box is a wrong item, lost later is a spare part for the shop",
        """
- I need a [buckle|pole section|stuff sack|hose] for the {name}. {cue}
- The [pump|buckle|lid|cap] of my {noun} isn't there. {cue}
- Where do I get a single [peg|strap|clip] for the {name}? {cue}
- One part is missing from my {noun}. {cue}
""",
        {
            "wrong_or_damaged_item": """
- It wasn't in the box.
- The box came {day}.
- The list says there should be one.
""",
            "store_and_repair": """
- I lost it on a hill.
- My brother sat on it.
- The {noun} {is} from {oldyear}.
- Happy to buy one.
""",
        },
    ),
)
