"""What people write when an order that has not left yet should be different, or not be."""

CORES = """
- [Please stop|Stop|Can you stop] {order}, I [don't need it any more|clicked too fast|found it
  cheaper].
- I [just|only now] saw that I picked {size} instead of {size2}. [Ordered an hour ago.|It is still
  being prepared.]
- Can you [add|put] a {noun2} [to|into] the order from this morning? So it goes in one box.
- Take the {noun2} out of {order} [please|and leave the rest].
- I [entered|typed] the wrong house number. It's [14|41|9b], not [41|14|9]. The order is from
  [today|last night].
- My [son|cat|toddler] ordered [three|two|five] {nouns}. I wish I was joking. [Please undo
  that.|Can this be undone?]
- ~ omg cancel {order} pls, wrong card wrong size wrong everything
- ~ can i still change the colour? ordered like 10 min ago
- ~ nvm dont want it anymore, cancel
- ^ Kindly cancel the above order before it leaves your premises.
- ^ I request that the delivery address of order {order} be amended prior to dispatch.
- I pressed the button twice and so there are two orders, {order} and {order2}. I need only one of
  them.
- It would be better if it came [after the {n}th|not before {day}], we're away. Can you hold it
  [back|in the warehouse]?
- No confirmation mail came. [Did the order go through?|Do I have an order or not?]
- Could you send it to [my work|my sister in {city2}] instead? [Status: processing.|Nothing has
  shipped yet.]
- The cancel button [is greyed out|does nothing|gives an error], but it's not been sent yet.
  Please do it from your side.
- As you still have not packed it after {ago}, forget it, I'll get one [locally|in town].
- I want {colour2} and not {colour}. [Still time?|If it isn't too late.]
- Change the {size} to {size2} [quickly|fast] before the warehouse gets it
- I forgot to [enter|use] my [company name|apartment number|phone number for the driver]. Add it
  please, the order was made at lunch.
- Can you switch from home delivery to the [shop|pick-up point] in {city}? Hasn't been handed to
  {carrier} yet.
- Part of the order is on back order, it says. Send what you have and [drop|delete] the rest.
- You wrote that the {noun} won't be in before {thismonth}. Then I'd rather [have the
  {product2}|not have it].
- Would it be possible to have {order} and {order2} shipped together and save one package?
- Instead of one please make it [two|three]. Same article, same address.
- I'd like express instead of standard. I pay the extra, just tell me how. It hasn't left yet.
- cancel order {order}
- change address {order} not shipped
- pls cancel
- Pls delete position 2 of order.
- ~ wait can u make it a {size} not {size2}
- I want annul my order, I make error in the quantity. Thank you to confirm me.
- I have ordered this morning and I see now the wrong street. Can you correct before you send?
- My plans have changed and we're not going. [If you have not sent the {noun} yet, keep it.|So no
  {noun} for me, sorry.]
- Do you do gift wrap? I forgot to tick it for {order}, which I placed at [noon|breakfast].
- I don't recognise the second line on the confirmation. I ordered {noun_a}, not {noun_a} and a
  {noun2}. Please correct before packing.
- The order was meant for my other address, the one in {city2}. I put it in {ago2} ago and the
  page still says "received".
- Under my name there's an order I made while logged in as my wife. Move or cancel it, whatever is
  easier, it is still open.
- I'm told a [30|40] percent sale starts {day}. Cancel mine and I will order again then.
- {order}: [wrong|outdated] phone number for the courier, correct one to follow, don't send it
  yet.
- Put it on hold. [I'll explain by mail.|My bank wants to ask me something first.]
- Can't edit the basket after paying? I'd swap the {noun} for the {product2}.
- What is the latest moment I can still change something? I think I want a {size2}.
- The sleeping bag should be [left|right] zip. I took the wrong one, order went in tonight.
- Please don't send. [Duplicate.|Ordered by mistake.]
"""

ASIDES = """
- and please cancel {order2}, [it has not left yet|I ordered that one by accident]
- can you also change the address on {order2} before it goes out
- also take the {noun2} off the order I made today if it's not packed yet
- and I need {order2} in size {size}, not {size2}, it still says processing
- plus could you stop the order from this morning
- oh, and hold back {order2} until I'm home
"""

PAST = """
- I had to cancel an order in {lastmonth} and that worked at once.
- You kindly changed the address for me, so that bit is fine.
- No need to cancel anything.
"""

PHONE = """
- cx wants {order} cancelled, status open. ordered by mistake
- addr change before dispatch {order}, new street given, pls update
- dbl order {order}/{order2}, keep first
- add {noun2} to today's order, cx will pay diff
- cust no conf mail, order is in system, asks to resend + check size
- size chg {size} > {size2}, not picked yet. whse informed?
- hold shipment till after {day}, cx away
"""

OTHER = {
    "de": """
- Bitte stornieren Sie die Bestellung {order}, [ich habe mich vertan|ich brauche sie nicht mehr].
- Ich habe eben bestellt und die falsche [Größe|Hausnummer|Farbe] angegeben. Können Sie das noch
  ändern?
- Kann man zu {order} noch etwas dazulegen, bevor das Paket rausgeht?
- doppelt bestellt, eine bitte löschen
- Ich habe keine Bestätigung bekommen, ist die Bestellung überhaupt eingegangen?
""",
    "es": """
- Quiero [cancelar|anular] el pedido {order}, me equivoqué de [talla|color]. Lo hice hace una
  hora.
- ¿Pueden cambiar la dirección del pedido? Todavía no ha salido.
- He pedido dos veces por error, quiten uno por favor.
- cancelar pedido porfa
""",
    "fr": """
- Merci d'annuler la commande {order}, je me suis trompé de [taille|modèle].
- Je viens de commander, pouvez-vous modifier l'adresse avant l'expédition ?
- Est-il possible d'ajouter un article à ma commande de ce matin ?
- annulation svp
""",
    "nl": """
- Graag bestelling {order} annuleren, verkeerde maat gekozen.
- Kan het adres nog aangepast worden? De bestelling is nog niet verzonden.
""",
    "da": """
- Kan I annullere ordre {order}? Jeg kom til at bestille to gange.
- Jeg skrev forkert adresse i morges, kan det rettes før I sender?
""",
}
