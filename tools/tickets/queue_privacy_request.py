"""What people write about their data: see it, delete it, stop using it."""

CORES = """
- Delete [everything you have about me|all my data], [please|and confirm it].
- I want to know [what you store|which data you keep] about me and [where you got it|who you gave
  it to].
- [Stop sending me|No more] newsletters. I have unsubscribed [three|four|five] times.
- Please take down my review of the {name}, it [shows|has] my full name.
- Under article [15|17] GDPR I [request|ask for] [access to|erasure of] my personal data.
- Close my account for good, [no traces|with all the data in it].
- ~ stop spamming me
- ~ delete my account + all my info
- ~ how did u get my number
- ^ I object to the processing of my data for purposes of advertising.
- ^ Kindly furnish me with a copy of all personal data held about my person.
- Two months ago I bought one {noun} as a guest and since then I get a mail every [day|other day].
  Get me off that list.
- How did [your partner|an insurance firm] get my address? I gave it only to you.
- I looked up your cookie settings and I cannot say no to [the ad ones|the tracking].
- My photo is on your Instagram, from the [open day|boot fair] in {city}. I never agreed.
- You printed my phone number on the outside of the parcel. Please remove it from your system.
- I would like a download of [my orders and my data|what you have on file], in a file I can read.
- There's a child's name and birthday in my profile. Remove that, we only entered it for a
  voucher.
- I get text messages about sales. I never gave you permission to do that.
- Who is your data protection officer and how do I write to them?
- Is it true there was a leak at your firm? Was my address in it?
- unsubscribe
- remove me from list
- gdpr request
- ~ take me off the mailing list already
- You may keep the invoices for the tax office but the rest must go.
- How long do you keep [card details|old addresses|chat logs]?
- I don't want my shopping used to "recommend" things. Switch that off.
- Put me please out of your list, every day is publicity.
- I never was customer of you and I become your mails. Delete my address.
- I asked on {date} for my data. The month is over on {futuredate}.
- Please don't share my address with review companies. Yesterday one wrote to me by name.
- My ex can see my orders because you have us as one household. Separate or delete mine.
- Correct the date of birth you have about me and tell me who received the wrong one.
- You recorded my call on {date}. I'd like the recording, then I want it wiped.
- No catalogue by post, please. I live on the fourth floor.
"""

ASIDES = """
- and afterwards please delete all my data
- also take me off the newsletter
- and I'd like to know what you have stored about me
- and no more advertising mails please
- once that is done erase my account
"""

PAST = """
- I unsubscribed from the newsletter ages ago, so I may have missed a mail.
- You have all my data anyway.
- I read about it in your newsletter.
"""

PHONE = """
- cx wants all data deleted, id ok. explained 30d
- still gets newsltr, unsub x3. pls remove by hand
- access req (art 15), wants by post
- wants review w/ full name removed
- asks how 3rd party got her no. upset
"""

OTHER = {
    "de": """
- Bitte löschen Sie [mein Konto und alle Daten|alle über mich gespeicherten Daten].
- Ich verlange Auskunft nach Art. 15 DSGVO.
- Trotz Abmeldung kommt jeden Tag Ihr Newsletter. Bitte nehmen Sie mich aus dem Verteiler.
- keine werbung mehr bitte
""",
    "es": """
- Quiero que borren todos mis datos.
- Dejen de mandarme publicidad, ya me di de baja dos veces.
""",
    "fr": """
- Merci de supprimer toutes mes données personnelles.
- Je me suis désabonné trois fois et je reçois toujours vos publicités.
""",
    "nl": """
- Verwijder al mijn gegevens graag, en bevestig dit.
- Ik wil geen nieuwsbrief meer.
""",
    "da": """
- Slet venligst alle mine oplysninger.
- Jeg vil ikke have jeres nyhedsbrev mere.
""",
}
