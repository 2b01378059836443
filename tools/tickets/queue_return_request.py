"""What people write when they want to give something back or swap it."""

CORES = """
- How do I [send|give] the {noun} back? [There was no slip in the box.|I see no label in the
  parcel.]
- {It} {doesnt} fit. [Can I swap for|I need] a {size}.
- I should have gone for {size} instead of {size2}. [Is a swap possible?|Could we exchange?]
- I bought two to compare, [one goes back|I keep one]. Please send [a label|what I need for the
  other].
- Changed my mind about the {product}. [Never used, tags on.|It is unopened.]
- The {noun} {is} fine, only not for [me|us]. Too [heavy|big|stiff|warm]. What is the procedure?
- ~ how do i return this
- ~ can i swap the {noun} for a {size}
- ~ dont like the colour irl, whats the return thing
- ^ I hereby withdraw from the purchase contract for order {order} received on {date}.
- ^ I wish to avail myself of the return period and would ask you to let me have a return label.
- Your website gives me an error when I [try to register|enter] the return, so I do it this way.
- Is it [30|60|14] days from the order or from the day it arrives? I might be over by [one day|two
  days].
- I tried the boots on in the house for ten minutes and my toes were at the front. Next size up
  please.
- My husband already had one. It's a nice thing but nobody needs [two|a second].
- It was a gift and I do not have the [receipt|order number]. [Can I still bring it back?|Do you
  take it back?]
- The label you sent is for {carrier} and there is no {carrier} shop [near me|in {city}]. [Can I
  use another?|What now?]
- Do I have to pay the postage for [sending it back|the way back]?
- The parcel came too late for our holiday, so I have no use for the {noun} any more. I'd like to
  give it back.
- By now I bought one elsewhere. When yours comes, [can I just refuse it at the door|how do I get
  rid of it]?
- [The dispatch mail came while I was typing the cancellation|Too late to stop it I guess, it left
  yesterday], so tell me how I get it back to you.
- I need a QR code, I don't have a printer.
- Can you [collect|fetch] it? The box is 1{n} kilos and I have no car.
- I threw away the carton. [Will you still take it?|Is that a problem?]
- return label please {order}
- wrong size, my mistake, exchange?
- exchange for {size}
- The cut is odd, tight at the [hips|shoulders] and loose elsewhere. {size2} might be better, or
  else I return it.
- Have worn {it} for an hour around the flat, that still counts as unworn?
- Please arrange that somebody picks the {noun} up, I will not be needing it.
- The {name} is [not as light as|darker than] on the picture. I would prefer to return.
- I like to give back the {noun}, what I must do? The paper is not in packet.
- Hello, is possible to change {noun} for other more big? I pay difference no problem.
- I registered the return on {date} and [the label never came|still have no label]. The time is
  running out.
- We ordered three sizes for my daughter. Two of them [come|go] back to you. One label or two?
- Could I return it in the shop in {city} [instead of posting|rather than by post]?
- It's nearly [five weeks|a month] since it came, I was in hospital, otherwise I would have sent
  it
  back [before|in time]. Would you make an exception?
- Compared {it} to my friend's and [hers is better|mine is not worth {amount}]. Taking the right
  to return.
- I'm not happy. Not broken, not wrong, just not happy with it. What next?
- Swap the {colour} {noun} for {colour2} please, same size.
- I put the return in the same box as another one, for {order} and {order2}. Was that wrong?
- ~ ok so im not keeping it. now what
- ~ got 2 by accident (my fault) need to send 1 back
- The return portal asks for a reason and mine isn't in the list.
- You sent a label for one parcel but I have two parcels to send.
- Trip cancelled, so the {noun} can go back, still in plastic.
- Before I post it: does the {noun} have to be in the original bag?
- The feet are a different size, left {size}, right {size2}. Do you [split|swap] pairs? Otherwise
  back it goes.
"""

ASIDES = """
- and I would like to [return|send back] the {noun2} too, [never worn|tags still on]
- can you also send a return label for the {noun2}
- plus the {noun2} is too small so I'd like to swap
- also how do I send back the {noun2}, I changed my mind
- and the {noun2} from {order2} can go back as well
- the {noun2} from the same order I don't want to keep, how does that work
"""

PAST = """
- I returned a {noun2} last year and it was easy.
- I do not want to return it.
- I already sent the other size back, that is settled.
- Sending it back is not an option for me.
"""

PHONE = """
- cx wants ret label {order}, no printer, QR ok. unused
- exch {size2} > {size} {noun}. told stock ok. pls book
- caller outside 30d by 2 days, asks goodwill return, item unused
- gift recipient, no order no., wants to give {noun} back
- cust cancelled too late, already shipped. refuse at door or return? explained, send label
- {noun} too heavy, wants pickup at home, elderly
- return portal err msg, did it manually? label not sent
"""

OTHER = {
    "de": """
- Ich möchte {name} [zurückgeben|zurückschicken|umtauschen]. Wie bekomme ich ein Rücksendeetikett?
- {name} ist mir leider zu [klein|groß], kann ich in {size} tauschen?
- Hiermit widerrufe ich den Kauf {order}. Bitte senden Sie mir die Unterlagen für die Rücksendung.
- wie geht das mit der retoure, im paket war kein zettel
- Gefällt mir nicht, unbenutzt, was muss ich tun?
""",
    "es": """
- Quisiera [devolver|cambiar] {name}, la talla {size2} me queda [pequeña|grande]. ¿Cómo lo hago?
- No me convence el artículo, está sin usar. ¿Me mandan una etiqueta de devolución?
- ¿Cuántos días tengo para devolver el pedido {order}?
- quiero cambiarlo por una {size}
""",
    "fr": """
- Je souhaite [renvoyer|échanger] {name}, la taille ne va pas. Comment obtenir une étiquette de
  retour ?
- Article jamais porté, je change d'avis. Quelle est la procédure pour la commande {order} ?
- Peut-on échanger contre un {size} ?
- retour svp, trop petit
""",
    "nl": """
- Hoe kan ik {name} terugsturen? Er zat geen retourlabel bij.
- De maat valt klein, kan ik ruilen voor {size}?
""",
    "da": """
- Jeg vil gerne bytte {name} til en {size}. Hvordan gør jeg?
- Kan I sende en returlabel til {order}? Varen er ubrugt.
""",
}
