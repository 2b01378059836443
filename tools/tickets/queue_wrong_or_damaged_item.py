"""What people write when the box holds the wrong thing, a broken thing or too little."""

CORES = """
- I opened the box and [found|there was] {damage}.
- [This|That] is not what I [ordered|paid for]. I wanted the {product} and got [somebody else's
  {noun2}|a {noun2}].
- The {product} came today with {damage}. It can't have happened at my end, I only took it out of
  the bag.
- There [are|were] supposed to be [two|three] in the parcel, [there is only one|one is missing].
- [Received|I got] {colour} instead of {colour2}.
- ~ u sent me the wrong one lol i got {colour} i wanted {colour2}
- ~ opened it and its already broken?? {damage}
- ~ wrong size in the bag, label says {size} im holding a {size2}
- ^ Upon unpacking I regret to say that I found {damage}. I enclose photographs.
- ^ The article delivered does not correspond to the article ordered: invoice {product}, contents
  {product2}.
- The box looked as if a lorry had [driven over|parked on] it and the {noun} inside looks the
  same.
- [Half|Some] of the parts are missing. The instructions list [eight|six|twelve] pegs, [I
  count|there are] five.
- The packing slip has another person's name on it and so [I suppose|presumably] they have my
  {noun}.
- It [smells|smelled] of smoke and has [mud on it|dog hair in the seams]. I paid full price for a
  new one, not for a used one.
- New {noun}, first look at home, {fault}. [It came this morning.|The parcel came {day}.]
- The {noun} {was} unboxed, no tags, with {damage}, clearly somebody's return.
- You [packed|sent] two left [boots|gloves|sandals].
- I have [one|a] {noun2} too many and [no {noun}|the {noun} {is} missing] although the slip ticks
  both.
- Straight out of the packaging: {fault}. [Not even worn once.|I have not used it at all.]
- On the invoice it says size {size}, on the [tag|sole|label] it says {size}, but I held it
  against my old one and it is a {size2} at most.
- The stove came without the [hose|pump|regulator]. [A bit pointless.|It is useless like this.]
- My {noun} {has} a hole. [Delivered today.|It arrived an hour ago.] [Did nobody look at it?|Who
  checks these?]
- The bottle of proofing spray leaked over everything in the parcel, the {noun} {is} soaked.
- For the second time you have sent the [wrong colour|wrong model|left-hand version].
- PLEASE look at the attached picture and tell me if that is what you call new
- Parcel content does not match, I ordered the [{noun}|{product}], inside is a pair of [children's
  socks|ski gloves].
- I received good the packet but the article is not the same of the photo, other color and other
  closing.
- The {name} I got is last year's model, with the old buckle. The picture on your page shows the
  new one.
- Could you send [the missing piece|the missing poles|another one] quickly? {It} came {ago} ago
  and we only unpacked it now.
- ~ so uh theres no charger/cable in the box
- ~ its got a rip. brand new.
- wrong item in {order}
- arrived broken, {order}, pics attached
- missing parts
- We put it up in the garden for the first time and noticed {damage}. It has been in the house for
  [three|four|ten] days.
- The [seal|bag] was open and somebody had [worn|tried] it, there is [a hair|sunscreen] on the
  collar.
- My wife ordered the women's cut and we have the men's cut. The order confirmation is right, the
  parcel is not.
- In the carton: {product2}. On the outside of the carton: {product}. So your warehouse shelf is
  [mixed up|wrong].
- I don't want to make a fuss but {damage}, and for {amount} I expected it to be [whole|flawless].
- What do I do with the {noun2} that I never ordered? And where is mine?
- It rattles. I opened the lid and a screw fell out. It came out of the post {day}.
- {fault}, and I have had it for [four|six|nine|twelve] days.
- The glass of the lantern is in a thousand pieces, [the box had no padding|no padding whatsoever
  in the box].
- My son was so excited and then [it was the wrong size|there was a crack right across it]. You
  sent {size2}, the order says {size}.
- One of the [two|pair] is [longer|a different shade] than the other. They came like that.
- Both of the sleeping mats I got are [short|wide] ones, I paid for [long|regular], see the
  confirmation.
- Short delivery on {order}: [4|3] items paid, [3|2] items in the box. The driver had no other
  parcel.
- {damage}. I would take [a discount|twenty percent off] and keep it, otherwise [replace it|send a
  new one].
"""

ASIDES = """
- one of the things in the box, the {noun2}, is [broken|scratched|the wrong colour] as well
- also the {noun2} in the same parcel [came|arrived] with a tear
- and there is one {noun2} missing from the parcel that came {day}
- you also put the wrong size in, it says {size2} on the tag, I ordered {size}
- plus the {noun2} was dented when I unpacked it
- on top of that the box I got yesterday had somebody else's {noun2} in it
- and by the way the {noun2} I unpacked this morning is cracked
"""

PAST = """
- You once sent me a wrong colour and swapped it within days, [so I know you can|that was great].
- The box was a bit crushed but the contents are fine.
- In {month} I had a broken one and {agent} replaced it at once.
"""

PHONE = """
- cx rec'd wrong item on {order}, has {noun2}, shld be {product}. will send photo
- arrived {day} damaged: {damage}. cx wants replacement not money
- caller: [1|one] of 3 missing in box, weight on label suggests never packed. {order}
- cust says size on tag {size2}, ordered {size}. our pick error. needs by {day}
- new {noun}, {fault}, had it 5 days. photo to follow
- box crushed, contents wet, driver left in rain. cx kept packaging. {order}
- cx got smbdy elses parcel content, name on slip diff. wants hers
"""

OTHER = {
    "de": """
- Ich habe heute das Paket bekommen, aber [es ist die falsche Farbe|der Inhalt stimmt nicht|da ist
  etwas ganz anderes drin]. Bestellt war {name}.
- Beim Auspacken von {name} [habe ich einen Riss entdeckt|war der Reißverschluss schon kaputt].
  Das kann doch nicht neu sein.
- In der Lieferung {order} fehlt [ein Teil|eine Stange|das Kabel].
- falsche größe geschickt, bestellt {size}, bekommen {size2}
- Der Karton war völlig zerdrückt und {name} hat jetzt eine Delle. Fotos anbei.
""",
    "es": """
- Me ha llegado [otro artículo|el color equivocado|una talla distinta]. Yo pedí {name} en talla
  {size}.
- Al abrir la caja vi que {name} [está roto|tiene un agujero|viene rayado]. Adjunto fotos.
- faltan piezas en el paquete {order}
- El paquete llegó ayer totalmente aplastado y lo de dentro no sirve.
""",
    "fr": """
- J'ai reçu {name} ce matin et il y a [une déchirure|une fissure|un trou]. C'est neuf pourtant.
- Vous m'avez envoyé [la mauvaise taille|le mauvais coloris|un autre article]. Sur la facture
  c'est {size}.
- Il manque une pièce dans le carton, commande {order}.
- article cassé à l'ouverture du colis, photos jointes
""",
    "nl": """
- In de doos zat iets anders dan ik besteld heb, ik had {name} moeten krijgen.
- {name} kwam vandaag binnen met [een scheur|een deuk]. Graag een nieuwe.
""",
    "da": """
- Jeg har fået den forkerte vare. Jeg bestilte {name} i {size}.
- Der var [et hul|en revne] i {name} da jeg åbnede kassen i dag.
""",
}
