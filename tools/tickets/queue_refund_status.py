"""What people write when the money for something given back has not come, or too little."""

CORES = """
- [When|How soon] will I [see|get] my money? The {noun} [went back|was sent back] on {date}.
- Your warehouse signed for the {noun} on {date}. [Nothing on my account yet.|My bank shows
  nothing.]
- I was told [3 to 5|five to seven|up to ten] working days. [It is now {ago}.|That was {ago} ago.]
- The mail says "{amount} has been refunded". [Where to?|To which card?] I see nothing.
- You [sent back|credited] {amount2} but I paid {amount}. What happened to the rest?
- The postage was [taken off|deducted], although the mistake was yours. Please pay back the
  missing {smallamount}.
- My card ending {last4} has been [replaced|cancelled] since I bought the {noun}. Will the money
  still find me?
- ~ hey so wheres my money
- ~ sent it back {ago} ago still no refund
- ~ u guys got the {noun} back, can i have my {amount} now lol
- ^ I should be grateful for confirmation that the amount of {amount} has been remitted.
- ^ To date I have received no reimbursement for the goods returned under {order}.
- {agent} [promised|assured me] on {date} that {amount} would be back [within a week|by {day}].
- Cancelled on {date}, confirmed by you the same day, and [the {amount} is still gone|no credit so
  far].
- It went back with {carrier}, tracking {tracking}, delivered to you on {date}. What else do you
  need from me before you pay?
- I have had [the confirmation|a mail] that my parcel was "[processed|inspected]". Does that mean
  the money is on its way?
- The parcel got lost, you agreed to [pay it back|reimburse me], and since then there has been
  silence.
- On the statement from {date} I find only {amount2}. Two articles went back, not one.
- I have been [more than patient|patient for {ago}]. I want {amount} on my account by {day}.
- Could you send me some proof of the transfer so I can [show|ask] my bank?
- The {name} costs {smallamount} less since {day}. I bought mine three days before. Do I get the
  difference?
- I would just like to know whether it [has been|is] booked, then I stop asking.
- Nobody [tells|can tell] me how long the finance department needs. I gave the {noun} to {carrier}
  on {date}.
- REFUND!!! {ago}!!!
- refund for {order}?
- no refund yet
- money not back {order}
- ~ my bank says nothing pending from you
- I paid part by card and part from my balance. The card part came, the [other part|rest] did not.
- Please [check|look] again, the returns portal says "closed" for {order} and I never got a cent.
- For the tent you took {smallamount} "for cleaning". It was never pitched. I want the full price.
- My return was accepted in {lastmonth}. [We have {thismonth} now.|It is {thismonth}.]
- You owe me {amount}.
- I write you because the repayment of my order is not yet made. I have sent back the article
  before {ago}.
- Sorry, is me again. Money of the {noun} still no come.
- When I chat they say mail, when I mail they say wait. {amount} is a lot of money for [me|a
  student|us].
- The exchange was not possible because size {size} was sold out, so you offered to pay me back.
  Has that been done?
- [Is there|Was there] a problem with the bank details I gave? It has been {ago} since you asked
  for them.
- As the {noun} never arrived and you closed the search on {date}, the purchase price is due,
  isn't it?
- It says "[refunded|paid out] {date}" on my order page but Visa [sees|know] nothing about it.
- I get that it takes time to check a return but {ago} for one pair of [boots|gloves|trousers]?
- Half of the amount [came|arrived] on {day}. Is the second half coming or is there a deduction
  nobody told me about?
- My mother bought it, I sent it back, so whose card does it go to? Nothing on hers so far.
- Following up on the {amount} for the {noun}. [Third mail.|Second time I ask.]
- The complaint was settled, you said a partial credit of {smallamount}. I've looked every day
  since {date}.
"""

ASIDES = """
- and [the money|the refund] for the {noun2} I sent back on {date} [is not here yet|has not
  arrived]
- while you are at it, please check the refund for {order2}
- also I am still waiting for {smallamount} from the last return
- I'd also like to know when the {amount2} from {order2} will be paid back
- oh and the refund you promised in {lastmonth} never came
- plus you still owe me the money for {order2}
"""

PAST = """
- The refund for the last one came quickly, thanks for that.
- I had a refund in {month} and that went fine.
- I do not want my money back, [I want it solved|just so that is clear].
- (You already refunded the postage, that part is done.)
"""

PHONE = """
- cx chasing refund {order}, return rec'd whse {date}, not booked. [esc to finance|pls check]
- caller says only {amount2} of {amount} back on card. why ded'n? told will check
- 3rd call re refund. {agent} promised by {day}. bank shows nil
- cust's old card closed (end {last4}), where did refund go. needs ARN for bank
- parcel lost, claim agreed {date}, cx still no money
- price diff {smallamount} since bought, wants it back, inside 14d
- return accepted, portal closed, no credit. cx calm but wants date
"""

OTHER = {
    "de": """
- Wann bekomme ich mein Geld zurück? Die Rücksendung zu {order} ist laut {carrier} am {datede} bei
  Ihnen angekommen.
- Laut Ihrer E-Mail wurde der Betrag [erstattet|angewiesen], auf meinem Konto ist aber [nichts
  eingegangen|nichts zu sehen].
- Es wurden nur {amount2} statt {amount} erstattet. Warum?
- warte seit [drei Wochen|14 Tagen] auf die erstattung
- Ich habe {name} zurückgeschickt und warte noch immer auf die Gutschrift.
""",
    "es": """
- Devolví {name} el {datees} y [todavía no me han ingresado el dinero|sigo sin ver el abono].
- ¿Cuándo me van a reembolsar {amount}? El almacén ya recibió el paquete.
- Me han devuelto solo {amount2}, falta el resto del pedido {order}.
- el reembolso sigue sin llegar
""",
    "fr": """
- J'ai renvoyé {name} le {datefr}, et je n'ai toujours pas été remboursé.
- Vous m'aviez annoncé un virement sous [cinq jours|une semaine]. Rien sur mon compte.
- Le remboursement est incomplet : {amount2} au lieu de {amount}.
- remboursement {order} toujours en attente ?
""",
    "nl": """
- Ik heb {name} teruggestuurd op {datenl} en mijn geld nog niet terug.
- Wanneer wordt {amount} teruggestort? Het retour is al bij jullie binnen.
""",
    "da": """
- Hvornår får jeg mine penge tilbage? Jeg sendte {name} retur den {dateda}.
- Der mangler stadig {amount2} fra returneringen af {order}.
""",
}
