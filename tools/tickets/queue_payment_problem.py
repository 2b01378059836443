"""What people write about charges, checkouts, gift cards, codes and invoices."""

CORES = """
- [You took|You have taken] {amount} twice. Once on {date} and once on {date2}.
- My card [is|was] declined [four times|three times|again and again] at your checkout, everywhere
  else it works.
- The gift card {giftcode} [shows a balance of zero|is not accepted|is said to be used]. I got it
  for [Christmas|my birthday].
- I [bought|ordered] a gift card for [a friend|my nephew] and [he never got the code|the mail did
  not arrive].
- The code [SUMMIT15|TRAIL10|SPRING20] [is refused|does nothing|says expired]. It's valid until
  the end of {thismonth}, I have the mail here.
- I need an invoice with [our VAT number|the company name|the club's address] on it.
- ~ card keeps getting declined??
- ~ u charged me twice man
- ~ my discount code doesnt work
- ^ I do not recognise the debit of {amount} dated {date} and request an explanation.
- ^ For our accounts we require a corrected invoice for order {order}.
- There's a charge from Halden on my statement, {amount}, and I [have not bought|did not buy]
  anything [since {month}|this year].
- Somebody used my card in your shop. [The bank has blocked it.|I've told the bank.]
- I paid by bank transfer on {date} and the order page still says [awaiting payment|unpaid].
- [The page froze|It hung] when I pressed pay. Was I charged? I don't dare to press it again.
- The instalment plan takes {smallamount} more each month than we agreed.
- At checkout the price jumped from {amount2} to {amount}. [Why?|What is the extra?]
- A reminder came with a {smallamount} fee for a bill that I paid on {date}.
- You gave me the money for the {noun} as a gift card. I didn't agree to that, I paid with real
  money.
- Can I use two [gift cards|vouchers] in one order? It only lets me enter one.
- There's {smallamount} left on my gift card. [How long is it good for?|Does it run out?]
- The confirmation code from my bank [never comes|is not accepted by your page], so I cannot
  finish.
- I'd like to pay [on account|by invoice|by instalments] and the option has gone.
- Where do I find the receipt? I need it for [work|my tax return|the insurance].
- The amount on the invoice ({amount}) and on my statement ({amount2}) do not match.
- Blocked {amount} on the card ending {last4} for an order that was never created.
- The currency is wrong. I'm billed in [dollars|kroner|euros] and my bank adds a fee.
- paid but order says unpaid {order}
- double charge {order}
- invoice pls {order}
- voucher not working
- checkout broken???
- ~ tried 3 cards. none work. help
- ~ my gift card got eaten by ur website, order failed but balance is 0
- Do you take [Amex|PayPal|Klarna]? It was there last week.
- My payment is not pass, I try with two cards and is always error. In the bank there is enough
  money.
- I have the voucher of you, but he does not function. I put all number correct.
- You reserve {amount}, release it, reserve it again. It's the {n}th time and my limit is gone.
- The referral voucher from my [friend|colleague], [{smallamount} off|10 off], vanished from the
  basket after I logged in.
- Please take my card details out of the standing debit, I'll pay that bill by transfer.
- Our school orders with a purchase number and that field has disappeared from the payment page.
- My late uncle had a gift card with you. Can [the balance|what is left] be moved to me?
- I got a letter from a collection agency about {amount}. I have never missed a bill of yours.
- Price says {amount2}, card was charged {amount}. I have a screenshot.
- The student discount was there on Monday, now I'm asked for the full amount.
- Please resend the invoice as PDF, the link in the mail [has run out|opens an empty page].
"""

ASIDES = """
- and you charged me twice for {order2}, [{amount2} both times|please look at that]
- I also need an invoice for {order2}
- also my gift card won't go through
- the discount code was not taken off either
- and there is a second debit of {amount2} on my card that I can't explain
- one more thing, my card is being refused at the checkout
"""

PAST = """
- I paid with a gift card, if that matters.
- Payment went through without trouble.
- There was a double charge in {lastmonth} which you corrected.
"""

PHONE = """
- cx charged 2x {amount}, stmt {date} and {date2}, same order {order}
- gift card {giftcode} reads 0, cx never used. bght in store {city}
- needs VAT inv {order}, company name to add
- card declined at checkout x3, bank says nothing blocked. told try other browser
- unknown debit {amount}, cx says no order. fraud? adv. call bank
- refund was put on gift card, cx insists on card. not happy
- paid by transfer {date}, order still unpaid in system
- code SUMMIT15 not taken, cx read it out, correct
"""

OTHER = {
    "de": """
- Mir wurde der Betrag von {amount} [doppelt|zweimal] abgebucht. Bitte prüfen.
- Mein Gutschein {giftcode} wird [nicht angenommen|als eingelöst angezeigt].
- Ich brauche für {order} eine Rechnung mit [Umsatzsteuer-ID|Firmennamen].
- zahlung geht nicht durch, karte ist aber ok
- Sie mahnen einen Betrag an, den ich am {datede} überwiesen habe.
""",
    "es": """
- Me han cobrado [dos veces|el doble] el pedido {order}.
- La tarjeta regalo {giftcode} no funciona, dice saldo cero.
- Necesito factura con el NIF de la empresa.
- no me deja pagar, la tarjeta da error
""",
    "fr": """
- J'ai été débité deux fois de {amount} pour la même commande.
- Ma carte cadeau {giftcode} est refusée au paiement.
- Pourriez-vous m'envoyer une facture au nom de la société ?
- le code promo ne marche pas
""",
    "nl": """
- Er is twee keer {amount} afgeschreven. Kunnen jullie dat nakijken?
- Mijn cadeaubon {giftcode} werkt niet bij het afrekenen.
""",
    "da": """
- Jeg er blevet trukket to gange for {order}.
- Mit gavekort {giftcode} virker ikke ved betaling.
""",
}
