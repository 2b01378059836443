"""What people write when a parcel is late, lost, held or going to the wrong door."""

CORES = """
- [Where|So where] is [my parcel|order {order}|it]? The tracking [has said|says] "in transit"
  since {date}.
- I ordered {product_a} on {date} and [I still have nothing|nothing has turned up|it has not come
  yet].
- {carrier} [claims|says] it was handed over at [14:10|11.32|9am|quarter past four] on {day}. I
  was [home|in] all day and nobody rang.
- The driver left a card saying "[neighbour|safe place]" but none of my neighbours [has|have seen]
  it and we do not have a safe place.
- It was [promised|supposed to come] within [two|three|five] working days. That was {ago} ago.
- ~ yo wheres my stuff, its been {ago}
- ~ tracking hasnt moved since {date}, is it lost or what
- ~ it said delivered but theres literally nothing here
- ^ I write with reference to order {order}, placed on {date}, which to this day has not reached
  me.
- ^ May I ask you to open an enquiry with {carrier}? The consignment {tracking} seems to have gone
  astray.
- The status [changed to|has been] "[returned to sender|delivery attempted|exception]" and I do
  not understand why, my address is correct.
- My [birthday|trip|expedition] has come and gone and the {noun} {is} still somewhere [in a
  depot|between you and me|in {city}].
- One of the two boxes came on {day}, [the other one did not|no sign of the second]. The {noun}
  must be in it.
- Do you know [when|roughly when] the {noun} will [get here|show up]? We leave for {trip}
  {tripwhen}.
- {tracking} [scanned at {city} hub three times now, going round in circles|stuck at {city}
  depot].
- I stayed at home [twice|three times] for this delivery. [Twice|Each time] the van never came.
- The parcel locker [says the code is wrong|does not open with the code I was sent], and it has my
  {noun} inside.
- {carrier} tells me to [talk to|contact] you, and your page tells me to contact {carrier}.
  Somebody must know where the box is.
- You sent me a mail that {order} was on its way on {date}. On its way to whom?
- The pre-order for the {name} was to ship at the end of {lastmonth}. It is now {thismonth}.
- They are holding it at customs and [ask me for|want] {amount} before they let it go. Nobody told
  me about that when I bought it.
- I can see on the map that my parcel is in {city}. I live in {city2}. Please [sort this
  out|redirect it].
- ~ bro its been "out for delivery" 4 days in a row lol
- ~ did u even send it
- ~ still nothing. its been {ago}
- Could you find out why {order} [is taking so long|has not moved|is sitting still]? It was paid
  straight away.
- Express shipping, {smallamount} extra, and [it is already {ago}|I have been waiting {ago}]. What
  exactly was express about it?
- My neighbour in number [12|7|40] got my box, I think, but he is [away|on holiday] and I have no
  proof. What did the driver note down?
- I was expecting the {noun} for {day}. [Could you chase it?|Can somebody chase the courier?]
- Has it been lost? If so [please send another one|I would like a new one sent out at once].
- Tracking number {tracking} [is not recognised|brings up nothing|does not exist according to
  {carrier}].
- The photo {carrier} took as proof shows a [blue|green|brown] door. Ours is [white|red|glass].
- I [moved|have moved] and only noticed after the dispatch mail that the box is heading for the
  old flat in {city}. Can it be [stopped|turned round|sent on to {city2}]?
- Good morning, the package it does not arrive. I wait since {ago}. Please check by your carrier
  where is it.
- Sorry my english, I buy {noun} on {date} and until now not receive nothing, the page say "sent".
- WHERE IS MY ORDER. {ago} and not one word from you.
- I need to know [today|now] whether the {noun} will be here before {day}, otherwise I have to
  [borrow one|buy elsewhere].
- The pick-up point sent it back because "[not collected in time|the storage period ended]", yet I
  never had a message that it was there.
- Nobody [at your end|on your side] seems worried that a {amount} parcel has vanished.
- Can you please ask the driver to leave it [with the bakery downstairs|at the back door|in the
  shed] this time? It has already gone back to the depot twice.
- Is there [a strike|a backlog|a problem with the warehouse]? I have ordered from you often and it
  never took longer than three days, now it is {ago}.
- My dad's present was in that parcel. His birthday was on {day}.
- Box arrived at the [kiosk|parcel shop] in {city}, they cannot find it. Their scanner says handed
  out. To whom?
- delivery eta for {order}?
- parcel missing {tracking}
- not arrived {order}
- I had a text saying delivery between 10 and 12, then a text saying "we missed you". At 10:04. I
  was sitting by the window.
- Is it normal that "[label created|preannounced]" stays for {ago}?
- Part of the shipment was split, they wrote, "to reach you faster". The [first|fast] part is not
  here and the slow part came {day}.
- It seems the {noun} went to [my old office|a house with the same number in another street].
  Please get it back from them, I am not going to knock on strangers' doors.
"""

ASIDES = """
- the [other parcel|second box] [has not turned up|is still missing], by the way, tracking says
  {city} since {date}
- [and also|plus] where is {order2}? [it should have been here {day}|nothing since {date}]
- I am also still waiting for the {noun2} from {order2}
- could you tell me too when {order2} will arrive
- my other order was marked delivered on {day} and it is not here
- the rest of the order has not come either
- and {carrier} has been sitting on another box of mine for {ago}
- meanwhile the {noun2} I ordered on {date} [has|have] not arrived
"""

PAST = """
- Last time the parcel [took forever|was three weeks late] but that was solved.
- The delivery itself was quick this time, [thank you|credit where due].
- {carrier} was late again but in the end it came on {day}.
- It arrived a few days later than promised, no matter.
"""

PHONE = """
- cust called re {order}, says [parcel|box] not rec'd, tracking stuck {date}. [checked address,
  ok|addr correct]. wants call back
- inbound call. cx [at home all day|was in] {day}, driver marked "no access". 2nd time. upset.
  {tracking}
- says {carrier} shows delivered, [nothing in porch|nbr has not got it]. asked for POD photo. cx
  leaving {tripwhen}
- caller wants ETA {order}, promised {day}. told 48h for trace
- cx rang 2nd time this wk, {noun} still not there, {ago} now. v polite. pls chase depot {city}
- parcel going to old addr, already left whse. cx asks redirect to {city2}
- pickup pt in {city} cannot locate box, cx has been there twice
- pt shipment: 1 of 2 rec'd, {noun} missing from delivery, tracking for 2nd box blank
"""

OTHER = {
    "de": """
- Mein Paket {order} ist [immer noch nicht|noch nicht|bis heute nicht] da. Laut Sendungsverfolgung
  liegt es seit {datede} in {city}.
- Guten Tag, wo bleibt meine Bestellung? Ich warte jetzt seit [zwei Wochen|zehn Tagen|neun
  Werktagen].
- Der Fahrer hat angeblich [beim Nachbarn|an der Tür] abgegeben, aber hier hat niemand etwas
  bekommen. Sendung {tracking}.
- Status seit {datede} unverändert "in Zustellung". [Bitte um Klärung.|Was ist da los?]
- Die Ware sollte am [Freitag|Montag] kommen, wir fahren übermorgen los und {name} ist nicht da!
- hab bestellt am {datede}, nix angekommen bisher
""",
    "es": """
- Buenos días, hice el pedido {order} el {datees} y [todavía no ha llegado|aún no he recibido
  nada].
- El seguimiento dice entregado pero [aquí no hay nada|yo no he recibido ningún paquete]. ¿Pueden
  reclamar a {carrier}?
- ¿Dónde está mi paquete? Llevo [diez días|dos semanas] esperando y salimos de viaje el viernes.
- hola, el envio {tracking} no se mueve desde el {datees}
""",
    "fr": """
- Bonjour, ma commande {order} n'est toujours pas arrivée. Le suivi est bloqué depuis le {datefr}.
- Le livreur indique "[destinataire absent|livré]" alors que j'étais chez moi toute la journée.
  Que faire ?
- Je devais recevoir {name} [mardi|jeudi] dernier, toujours rien, et nous partons samedi.
- colis pas reçu, {tracking}, ça fait [dix jours|deux semaines]
""",
    "nl": """
- Mijn pakket {order} is nog steeds niet bezorgd. Track en trace staat stil sinds {datenl}.
- Volgens {carrier} is het bezorgd, maar [ik heb niks ontvangen|bij de buren ligt ook niets].
  Kunnen jullie dit nakijken?
""",
    "da": """
- Hej, min pakke {order} er stadig ikke kommet. Den har ligget i {city} siden {dateda}.
- Der står at pakken er leveret, men jeg har ikke fået noget. Kan I undersøge det?
""",
}
