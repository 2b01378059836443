"""What people write when something wears out or fails long after they bought it."""

CORES = """
- I've had the {product} since {month} and now {fault}.
- Bought [in {month}|last {season}], used maybe [ten|five|fifteen] times, {fault}.
- After [one season|a year and a bit|eight months] {fault}. Surely that is not [normal|wear and
  tear].
- On a trip in {trip} {fault}. The {noun} {is} [not quite a year|just over a year|eleven months]
  old.
- Does [the guarantee|your two-year promise] cover this: {fault}?
- {fault}. [I have the invoice from {month}.|Purchase: {month}, order {order}.]
- ~ my {noun} died. had it since {month}. {fault}
- ~ is this covered?? {fault}, bought like 9 months ago
- ~ {fault}, only a year old wtf
- ^ I wish to assert my statutory rights regarding a defect in the {product}, purchased in
  {month}: {fault}.
- ^ Please advise how a claim under guarantee should be lodged for the {product}.
- I looked after {it} as the leaflet says, [washed it cold, never tumble-dried|cleaned and dried
  after each use], and still {fault}.
- You sell {it} as "built for decades". Mine lasted [fourteen|ten|seven] months.
- A replacement was sent for the same thing in {month}. Now the replacement: {fault}.
- [The membrane|The coating] is coming off in flakes, after [one winter|a year]. [It looks like
  dandruff.|Everyone asks if it's snowing.]
- It used to keep the rain out. Since [this spring|a few weeks ago] I get soaked through at the
  shoulders.
- There was a notice that the {name} made in [2024|early 2025] may be faulty. Mine has a number in
  that range. What should I do?
- The manufacturer says I have to go through the shop where I bought {it}, so here I am. {fault}.
- You asked for pictures and the date of purchase. Date: {month}. {fault}.
- I was halfway up when {fault}. [I do not want to think what could have happened.|It could have
  ended badly.]
- My claim from {lastmonth} was turned down because of "improper use". I walked in them. They are
  [boots|shoes].
- What is happening with the {noun} I sent in for inspection on {date}? You wanted to judge
  whether it's a fault of production.
- The battery [lasts|holds] twenty minutes now. When it was new it was eight hours. [A year
  old.|Purchased {month}.]
- {fault}, on both sides, same place, so it must be the material.
- Would you rather [repair|mend] or replace? Either is fine, but I had this for less than [two
  years|eighteen months] and {fault}.
- claim for {product}, bought {month}
- defect after 8 months, pics attached
- guarantee?
- ~ stitching came undone after like one winter, do i get a new one
- I can't find the receipt but the order must be in your system, about [a year|ten months] ago,
  under my name. {fault}.
- [My son's|My daughter's] {noun}, worn for a season, {fault}. He is [seven|nine], he is not a
  mountain guide.
- In the product description it says "made for life". Well: {fault}.
- The product is broken after small use. {fault}. I have buy in {month}.
- Since the winter the {noun} make a noise and then {fault}. In guarantee I think?
- Nothing dramatic, {fault}, but at {amount} I'd expect more than [one year|14 months].
- It isn't a question of washing. {fault} and three people in your reviews write the same.
- {fault}. It was [a present from last Christmas|bought the Christmas before last].
- I was told by your technician that {fault} because of [a bad batch|glue from that year]. So
  please treat it as such.
- How long do you stand behind your [tents|boots|zips]? Asking because {fault} and I got {it}
  {yearago}.
- Seal gone, water in the [lamp|watch|stove valve], thirteen months. I'd call that a defect.
- Second {name} [of mine|I've owned] in two years. Same fault. {fault}.
- It held for one summer.
- The rubber has gone sticky and smells, although {it} {was} kept in the dark. I've owned {it}
  since {month}.
- What do you need from me to look at this? {fault}, owned since {month}, photos on request.
"""

ASIDES = """
- and my older {noun2}, bought {month}, [has|have] started to come apart, is that still under
  guarantee
- also the {noun2} I got from you last year failed, how do I claim
- can you tell me too whether the guarantee covers my {noun2} from {month}
- separately, the seam on my {noun2} has gone after a year, I'd like to claim
- and the {noun2} that I've had since {month} leaks now
"""

PAST = """
- You honoured the guarantee on my old {noun2} without any fuss.
- The old one lasted six years before it gave up, no complaints there.
- My guarantee case from {month} is closed, this is something else.
"""

PHONE = """
- cx {noun} approx 1yr old, {fault}. wants warr. has invoice {month}
- warranty? bght {month}, {fault}. told send pics
- caller disputes rejected claim, we said misuse. wants 2nd look
- cust heard abt recall on {name}, serial in range, asks what to do
- item sent in {date} for assessment, no answer yet, cx chasing
- {fault} after ~10 mths. cx has order {order}. neg. about quality
- replcmnt from {month} has same defect again: {fault}
"""

OTHER = {
    "de": """
- {name} habe ich im letzten Jahr gekauft, jetzt [löst sich die Sohle|ist die Naht
  aufgegangen|geht der Reißverschluss nicht mehr]. Ist das ein Garantiefall?
- Nach nur [acht|zehn|vierzehn] Monaten ist {name} [undicht|kaputt]. Ich bitte um Nachbesserung
  oder Ersatz.
- Die Beschichtung bröckelt nach einem Winter ab. Was nun?
- gewährleistung? nach einem jahr defekt, rechnung vorhanden
""",
    "es": """
- Compré {name} hace [diez meses|un año] y ya [se ha roto la cremallera|se despega la suela|entra
  agua]. ¿Lo cubre la garantía?
- Después de una temporada {name} ha dejado de ser impermeable.
- garantia, defecto despues de 9 meses
- Uso normal, y la costura se abrió. Tengo la factura del año pasado.
""",
    "fr": """
- J'ai acheté {name} il y a [dix mois|un an] et déjà [la semelle se décolle|la fermeture est
  cassée|l'eau passe]. Est-ce sous garantie ?
- Après une seule saison la couture a lâché. Je voudrais faire jouer la garantie.
- Défaut apparu au bout de huit mois, facture disponible. Que faut-il envoyer ?
- garantie svp
""",
    "nl": """
- Mijn {name} is nu een jaar oud en [de naad laat los|de rits is stuk]. Valt dit onder de
  garantie?
- Na acht maanden al lek. Dat kan toch niet de bedoeling zijn.
""",
    "da": """
- Jeg købte {name} sidste år og nu er [lynlåsen|sømmen] gået. Er der reklamationsret?
- Efter ti måneder er sålen løs. Jeg har kvittering.
""",
}
