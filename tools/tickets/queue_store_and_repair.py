"""What people write about the shops, the workshop, spare parts, rentals and collection."""

CORES = """
- [Until when are you|Are you] open [on {day}|over the holidays] in {city}?
- I'd like to have my {noun} [resoled|mended|re-taped|repaired]. What does it cost and how long
  [is it away|does it take]?
- The {noun} {is} from {oldyear}, so [long out of guarantee|well past any warranty]. {fault}. I'm
  happy to pay.
- You wrote that my order was ready in the {city} shop. I stood there and [nobody could find
  it|they sent me home].
- [Where can I buy|Do you sell] a spare [pole section|buckle|zip slider|pump seal|lace hook] for
  the {name}?
- My {noun} {has} been in your workshop since {date}. When can I [pick it up|have it back]?
- ~ do u fix {nouns}
- ~ is the {city} store open sundays
- ~ how long does click n collect take
- ^ I must complain about the manner of one of your employees in the {city} branch.
- ^ I would be obliged for an estimate for the repair of the enclosed {noun}.
- Can I [rent|borrow] [snowshoes|a tent|a child carrier] in {city} for a weekend?
- The repair quote of {smallamount} is [all right|fine], go ahead.
- The repair came back and {fault} again, in the same place where you'd mended it.
- Is the {name} on display anywhere? I'd like to [touch it|try it on] before I decide. I'm near
  {city}.
- The boy at the counter told me "we don't do that" and turned away. I've rarely been treated like
  that.
- [Do I need an appointment|Can I just walk in] for the boot fitting?
- I left my [umbrella|glasses|rucksack] in your shop on {day}. Has it been found?
- Does the {city} shop have the {product} in {size}, or only the web?
- I would rather patch the {noun} than buy a new one. Do you sell the fabric?
- Bring it in or post it to the workshop? It's the {noun} with the broken zip, fifteen years old
  and much loved.
- Your shop in {city} shut at half past five although the door says seven.
- opening hours {city}
- resole cost?
- repair status, brought in {date}
- ~ my old {noun} needs love, zips gone, can ur workshop do it
- Do you sharpen [ice axes|crampons|knives] in the shop?
- Please keep my collect order two days longer, I can't get to {city} before {day}.
- Is there parking [at|near] the new shop in {city}? I'm on crutches.
- I want repair my {noun}, she is old but I love. You make this?
- I'd like to book the ski service for {nextmonth}, two pairs.
- Got a message "item ready for collection" and no word about which shop.
- The waxing evening on {day}, are there places left?
- Where do I hand in the old gas cartridges? I'm told the shop takes them.
- The workshop sent me the wrong person's {noun}.
- Somebody parked a delivery of mine at the {city} shop because they were full, who do I ask
  there? Collection code is 4471.
- I'd like to speak to the manager of the {city} shop. In person or on the phone.
- {fault}. No claim, it's had a good life. Can it be [saved|fixed] and for how much?
- You used to have a cobbler on {day}s. Is that still so?
"""

ASIDES = """
- and is the {city} shop open on {day}
- also do you repair old {noun2s}
- and my {noun2} has been in the workshop for weeks, is it ready
- also my collect order in {city} should be ready, is it
- and where do I get a spare part for the {name2}
"""

PAST = """
- The people in the {city} shop were very kind, by the way.
- I went to the shop in {city} first and they told me to write to you.
- Your workshop once saved my old {noun2}.
"""

PHONE = """
- cx wants resole quote {noun}, approx age 8y
- collect order not found in {city} shop, cx drove 40km
- repair since {date}, cx asks when ready
- complaint abt staff {city}, wants mgr call back
- spare part {name}, buckle. do we stock?
- rental q, snowshoes {city} wkend
"""

OTHER = {
    "de": """
- Hat der Laden in {city} am [Samstag|Feiertag] offen?
- Meine alten Schuhe brauchen eine neue Sohle, was kostet das bei Ihnen?
- Seit {datede} liegt meine Jacke in Ihrer Werkstatt. Wann ist sie fertig?
- ersatzteil für {name} gesucht
""",
    "es": """
- ¿A qué hora abre la tienda de {city} el sábado?
- ¿Reparan botas antiguas? Quiero cambiar la suela, pago lo que sea.
""",
    "fr": """
- Réparez-vous les anciens modèles ? Je suis prêt à payer.
- Le magasin de {city} est-il ouvert dimanche ?
""",
    "nl": """
- Kunnen jullie mijn oude schoenen verzolen en wat kost dat?
- Is de winkel in {city} zondag open?
""",
    "da": """
- Har butikken i {city} åbent på lørdag?
- Kan I reparere et gammelt telt, og hvad koster det?
""",
}
