"""What people write about the Cairn membership: its fee, its price, its points, its end."""

CORES = """
- {fee} [was taken|came off my card] on {date} for [Cairn|the membership]. I [had
  cancelled|thought I had ended it] in {lastmonth}.
- How do I [stop|get out of|end] the membership before it [renews|runs on] on {futuredate}?
- The trial was [free for 60 days|free], then without a word {fee}.
- My points from the [last three orders|{noun}] [are missing|never showed up].
- I'm a Cairn member and [still paid full price|the member price isn't shown|the ten percent is
  not taken off].
- [You charged|I was charged] the yearly fee [twice|two times], {date} and {date2}.
- ~ how do i cancel cairn
- ~ why did u take {fee} from me i didnt sign up for anything
- ~ where are my points??
- ^ I hereby give notice to terminate my Cairn membership at the earliest possible date.
- ^ Please confirm the end of my membership in writing and refrain from further debits.
- Does the family plan cover [my stepson|grandparents|two households]?
- I'd like to go from [monthly|single] to [yearly|family]. Is the rest of what I paid counted in?
- The price was raised from {fee2} to {fee}. [I did not agree.|I never got notice of that.]
- I pay every year and have not bought anything since {month}. [What do I get for it?|Is it worth
  keeping?]
- Points are [about to run out|gone on {futuredate}], it says. I was ill. Can they be kept [a bit
  longer|alive]?
- Your mail [says|said] free shipping for members and I was asked for {smallamount} postage.
- I signed up at the till in {city}, paid {fee} and never received [a number|a card].
- I want the pause you offer for [parental leave|people abroad]. From {nextmonth}.
- My card on file ran out and now the membership is "[lapsed|suspended]". I'd like to keep my
  year.
- The member days discount was gone when I logged in on {day}, they were supposed to last until
  midnight.
- Please don't renew me.
- membership cancel
- points missing {order}
- renewal charge????
- ~ cairn thing renewed and i literally cancelled it
- ~ can i share my membership w my gf
- Student membership: what do you need as proof, and do I get the difference to {fee} back?
- I was downgraded from [Gold|Summit] to [Basic|Base Camp]. I spent {amount} with you this year.
- Where is the welcome present? I joined in {lastmonth} and you promised a [mug|buff|dry bag].
- The debit for {fee} bounced because my bank was changed. How do I pay it [now|by hand]?
- I would like my birthday voucher, the members' one. It did not come this year.
- You write "dear member", but I left in {month}. And money keeps going off.
- My father died in {lastmonth}. He paid {fee} every {month}. Please end that.
- I like to finish with the club. I not use. How I make?
- Why is the yearly amount going from my account, I thought it is only one time?
- I cancelled inside the 14 days. The fee should [not have been taken|be given back], right?
- Somebody at the shop signed me up for Cairn without asking. I only wanted {noun_a}.
- Can the points be turned into [a donation|money off an order I already made]?
- 2,140 points yesterday, 140 today. I bought nothing.
- The button "end membership" leads to a page that offers me more membership.
- How much longer am I in? I see no end date anywhere.
- Two memberships run under my name, one {fee}, one {fee2}. I need one. One.
- My employer pays for Cairn as a benefit, the next one should go to [them|HR], how do we switch
  it?
- What's the notice period, one month or three? The small print says both.
"""

ASIDES = """
- and please end my Cairn membership, I don't use it
- also my member points for {order2} are missing
- and I was charged {fee} for the membership again although I left
- my member price wasn't applied either
- also how do I stop the membership from renewing
- and can you check why the yearly fee went up
"""

PAST = """
- I am a Cairn member [since {yearago}|of many years], not that it [helps|seems to matter].
- As a paying member I expected [better|a bit more].
- The membership is fine, I'm keeping that.
- Member number on request.
"""

PHONE = """
- cx wants out of Cairn b4 renewal {futuredate}. explained portal, pls do manually
- {fee} taken {date}, cx says cancelled {lastmonth}. no record? check
- points not credited {order}
- member disc not applied at checkout, logged in. cx annoyed
- deceased member, daughter asks to stop fee
- trial turned paid w/o notice acc to cx. wants {fee} back
- upgrade single > family, asks if rest is offset
"""

OTHER = {
    "de": """
- Ich möchte meine Cairn-Mitgliedschaft [kündigen|beenden], bitte um Bestätigung.
- Mir wurden am {datede} wieder {fee} abgebucht, obwohl ich [gekündigt habe|nie Mitglied werden
  wollte].
- Meine Punkte vom letzten Einkauf fehlen.
- wie komme ich aus dem abo raus
- Der Mitgliederpreis wurde mir nicht abgezogen.
""",
    "es": """
- Quiero darme de baja de Cairn, no lo uso.
- Me han cobrado {fee} de la cuota y yo ya había cancelado.
- No aparecen mis puntos del pedido {order}.
""",
    "fr": """
- Je souhaite résilier mon adhésion Cairn avant le renouvellement.
- On m'a prélevé {fee} alors que j'avais annulé l'abonnement.
- Mes points n'ont pas été crédités.
""",
    "nl": """
- Ik wil mijn Cairn-lidmaatschap opzeggen.
- Er is weer {fee} contributie afgeschreven terwijl ik had opgezegd.
""",
    "da": """
- Jeg vil gerne opsige mit Cairn-medlemskab.
- I har trukket {fee} i kontingent, men jeg meldte mig ud.
""",
}
