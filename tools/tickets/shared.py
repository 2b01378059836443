"""Greetings, background, endings and wrappings that tickets of every queue share."""

OPENERS = """
- Hi,
- Hello,
- Hi there,
- Hello Halden team,
- Good [morning|evening|day],
- Dear Halden Outdoor,
- Hi, [hope you can help|quick question].
- Me again.
- Hello, I hope I'm right here.
- Hi {agent},
- ~ hey
- ~ hiya
- ~ hi,
- ~ heyy
- ~ hello??
- ~ yo
- ^ Dear Sir or Madam,
- ^ To whom it may concern,
- ^ Dear customer service,
- ^ Good day,
"""

CONTEXT_GENERAL = """
- I've been [buying from you|a customer|coming to you] since {yearago} and [never had to
  write|this is new to me|usually all goes well].
- I tried to [call|phone] [on {day}|twice] and [gave up after 25 minutes|hung up at position
  14|only got music].
- [The chat|Your bot] sent me round in circles, so now [I write|in writing].
- I'm writing [for my mother|on behalf of my father|for a friend], she [has no computer|isn't good
  with mail].
- [I'm on a train|I'm on my phone], so [please excuse typos|this is short].
- I don't [usually|normally] complain.
- We live [out in the country|up a hill with one bar of signal], which [doesn't help|makes
  everything harder].
- I work shifts, so [mail is best|please don't ring before noon].
- I looked through your [help pages|FAQ] and [found nothing|am none the wiser].
- This is [the third time I write|my second mail] about it.
- Your colleague {agent} [knows the case|wrote to me in {lastmonth}].
- It's [raining|snowing|a lovely day] here and I'd rather be outside than typing this.
- I have just come back from {trip}, so sorry for the slow answer.
- I'm not sure you're the right [person|address] for this.
- Two of my friends [shop with you too|told me to try you] because of me.
- I [teach|coach] a youth group, so I [recommend you|talk about you] a lot.
- Congratulations on the new website, though I can't find a thing on it.
- About the {product}.
"""

CONTEXT_ORDER = """
- It's about order {order}.
- It concerns the {noun}.
- Reference: {order}.
- I ordered the {product} on {date}, {amount}.
- I bought it for our trip to {trip}.
- It [was|is] meant as a present for my [brother|wife|nephew].
- The order number is {order}.
- It was {amount}, which is [not nothing|a lot] for me.
- I paid straight away [by card|with PayPal].
- I had picked {size} in {colour}.
- The {noun} I ordered because of your [newsletter|sale|blog].
- We set off for {trip} {tripwhen}.
- Two things were in the order, the {product} and a {noun2}.
- I have the confirmation of {date} in front of me.
- I asked {agent} on {date}, no reply.
"""

CONTEXT_ACCOUNT = """
- I've tried [Chrome and Firefox|two browsers|phone and laptop].
- I buy [twice a year|something every season], [always|mostly] online.
- I noticed it [yesterday|on {day}] when I was [doing my accounts|looking for {noun_a}].
- I spent {amount} with you in {lastmonth} alone.
- You wrote to me on {date}, [I didn't read it at once|I only saw it now].
- My wife uses the same [login|address].
- I last bought something in {month}, a {noun2}.
"""

FOLLOWS = """
- [Please|Could you] get back to me [today|soon|before {day}].
- We leave {tripwhen}, so [it's a bit urgent|time matters].
- What [happens next|do I do now]?
- Please [don't|do not] send me [the standard text|a template answer|a link to the FAQ].
- [Photos|Pictures|A screenshot] attached.
- Thanks [in advance|for your help|a lot].
- If I don't hear from you by {day} I'll [call my bank|leave a review|go elsewhere].
- No hurry.
- [You can reach me|I'm reachable] after [five|six].
- Honestly a bit [disappointed|annoyed|surprised].
- I [really|do] like your things, [so I hope this works out|otherwise].
- Is there anything else you need from me?
- A short yes or no is enough.
- Otherwise everything [was great|is fine].
- [That would be great|Would be lovely].
- It can't be that hard.
- Sorry for the trouble.
- Please confirm.
- I expect an answer within [48 hours|two days].
- I'm not angry, only tired of this.
- Let me know.
- Not the first time, I'm afraid.
- Greetings to {agent}, who was so [kind|patient] the last time.
- ~ thx
- ~ pls help asap
- ~ lmk
- ~ kinda urgent
- ~ ty!!
- ~ not cool tbh
- ~ no rush tho
- ~ any1 there?
- ^ I look forward to your reply.
- ^ I trust this will receive your prompt attention.
- ^ Should I not hear from you, I shall [take advice|consider further steps].
- ^ I thank you for your efforts.
"""

SIGNS = """
- Thanks, {first}
- Best, {first}
- Regards
- Best regards, {first}
- {first}
- Cheers, {first}
- Many thanks
- Thank you, {first}
- Have a nice [day|weekend]
- ~ cheers
- ~ {first}
- ~ xx {first}
- ~ thx {first}
- ^ Yours faithfully
- ^ Yours sincerely
- ^ Kind regards
- ^ With kind regards
"""

TAILS = """
- Sent from my [iPhone|phone|tablet]
- Get the mail app for Android
- This message is confidential. If you received it in error please delete it.
- Please consider the environment before printing this e-mail.
- --\\n{first}\\n"Not all who wander are lost"
- Sent from a mountain, probably
"""

VAGUE = """
- any news?
- [any|is there any] update on {order}
- [still|i am still] waiting...
- hello? nobody answers me since {date}
- see my mail from {date}, [no reply so far|nothing happened]
- As discussed with {agent}, [please go ahead|here are the details]: {order}.
- {order} ???
- Please call me back about {order}.
- [Third|Second] reminder, {order}.
- What's going on with my {noun}? It's been {ago}.
- You promised to come back to me by {day}.
- I'm still without my {noun} and without an answer.
- And? It's {ago} now.
- Regarding {order}: when will this be [settled|solved]?
- I need someone to look at {order} [today|this week], the chat couldn't help.
- {noun} problem, [please call|pls ring me]
- I was told the matter of the {noun} would be sorted out by {day}. It isn't.
"""

QUOTES = {
    "late_delivery": """
- we are sorry your parcel is taking longer than expected. We have opened a trace with {carrier}.
- your order {order} has left our warehouse and will reach you in 2-4 working days.
- according to {carrier} the parcel was delivered on {date}.
""",
    "wrong_or_damaged_item": """
- we are sorry to hear your item did not arrive in good shape. Could you send us a photo?
- please tell us what is printed on the label of the {noun}.
- it seems our picker took the wrong article.
""",
    "refund_status": """
- your refund of {amount} was released today. It can take 3-5 working days.
- we have received your return and are checking it.
- please let us have your bank details so we can pay out the amount.
""",
    "return_request": """
- you can return unused items within 30 days. You will find the form in your account.
- please find your return label attached.
- we will gladly exchange the {noun} for size {size}.
""",
    "warranty_claim": """
- our workshop will look at the {noun} and decide if it is a manufacturing fault.
- please send the date of purchase and a photo of the defect.
- unfortunately we see this as ordinary wear.
""",
    "order_change_or_cancel": """
- thank you for your order {order}. We are packing it now.
- we have changed the order as you wished.
- your order could not be cancelled online.
""",
    "payment_problem": """
- your payment for {order} was not completed.
- please find attached the invoice for {order}.
- the gift card was used on {date}.
""",
    "account_access": """
- we have sent you a link to set a new password. It is valid for 30 minutes.
- for safety we have locked your account.
- please tell us the e-mail address you registered with.
""",
    "membership_billing": """
- your Cairn membership renews on {futuredate} for {fee}.
- welcome to Cairn! Your points are waiting.
- your membership has been extended by a year.
""",
    "product_advice": """
- thank you for your interest in the {product}.
- for your plans we would suggest the {name2}.
- the {name} will be back in stock in {nextmonth}.
""",
    "privacy_request": """
- we have received your request and will answer within one month.
- you have been removed from the newsletter.
- to protect your data we need to check who you are.
""",
    "store_and_repair": """
- your {noun} {has} reached our workshop.
- your order is ready for collection in {city}.
- the estimate for the repair is {smallamount}.
""",
}

SUBJECTS = """
- {order}
- Re: Your order {order}
- question
- Problem
- Re: Re: Your message to Halden Outdoor
- URGENT
- (no subject)
- {product}
- help
- Complaint
- Re: Ticket
- Your mail of {date}
- Request
- please read
"""

FORM_TOPICS = {
    "Orders and delivery": ("late_delivery", "order_change_or_cancel", "wrong_or_damaged_item"),
    "Returns and refunds": ("return_request", "refund_status", "warranty_claim"),
    "Account and membership": ("account_access", "membership_billing", "privacy_request"),
    "Payment": ("payment_problem", "refund_status", "membership_billing"),
    "Products and shops": ("product_advice", "store_and_repair", "warranty_claim"),
}

OTHER_OPENERS = {
    "de": ["Hallo,", "Guten Tag,", "Sehr geehrte Damen und Herren,", "Hallo zusammen,", "Moin,"],
    "es": ["Hola,", "Buenos días,", "Buenas tardes,", "Estimados señores,"],
    "fr": ["Bonjour,", "Bonsoir,", "Madame, Monsieur,"],
    "nl": ["Hallo,", "Goedemiddag,", "Beste,"],
    "da": ["Hej,", "Goddag,", "Hej Halden,"],
}

OTHER_FOLLOWS = {
    "de": [
        "Bitte melden Sie sich bald.",
        "Ich bin langsam etwas genervt.",
        "Das ist jetzt meine dritte Mail dazu.",
        "Am Telefon kam ich nicht durch.",
        "Vielen Dank im Voraus.",
        "Wir brauchen das für den Urlaub.",
        "Ich bin seit Jahren Kunde bei Ihnen.",
        "Danke und Gruß",
    ],
    "es": [
        "Espero su respuesta.",
        "Ya escribí la semana pasada y nadie contesta.",
        "Es bastante urgente.",
        "Muchas gracias.",
        "Soy cliente desde hace años.",
        "Por favor no me manden un texto automático.",
    ],
    "fr": [
        "Merci de votre retour rapide.",
        "C'est mon deuxième message.",
        "Impossible de vous joindre par téléphone.",
        "Cordialement",
        "Je suis cliente depuis longtemps.",
        "C'est assez urgent, nous partons bientôt.",
    ],
    "nl": [
        "Alvast bedankt.",
        "Ik hoor graag snel iets.",
        "Telefonisch kom ik er niet door.",
        "Groeten",
    ],
    "da": ["På forhånd tak.", "Jeg har skrevet før uden at få svar.", "Det haster lidt.", "Mvh"],
}
