"""What people ask before they buy, or about how to use and care for what they own."""

CORES = """
- {question}
- {question} [We go to {trip} {tripwhen}.|It's for {trip}.]
- Thinking about the {product}. {question}
- [Which|What] would you take for {trip}, the {name} or the {name2}?
- I'm between {size} and {size2}. [Broad shoulders.|I'm 1.82 and thin.|Wide feet, high instep.]
  What [do you say|would you take]?
- ~ {question_l} asking for a friend lol
- ~ which one is better {name} or {name2}
- ~ does it run small
- ^ I should appreciate some guidance concerning the {product}. {question}
- ^ Could one of your specialists kindly advise me? {question}
- When will the {product} [be back|be in stock again] in {size}?
- Is there a [{colour}|women's|left-zip|long] version of the {name} [coming|planned]?
- How do I [wash|clean|look after] the {noun} without ruining {it}? [The label has washed
  off.|It's down, isn't it?]
- First time [camping|snowshoeing|hut to hut]. What do I really need and what is only [nice to
  have|marketing]?
- The reviews on the {name} go both ways. What's your honest view? {question}
- I own the {name2}. Is the {name} enough of a step up to be worth {amount}?
- My daughter, [8|11|9], is joining the scouts. They wrote "warm sleeping bag". How warm is warm?
- {question} The page doesn't say.
- What's the difference between the {name} and the {name2}, except for {smallamount}?
- Is the {noun} free of [PFAS|latex|wool]? I'm allergic.
- What wax or spray do you recommend for the {noun}?
- I weigh 110 kilos. Will the {product} take that?
- Would the {name} fit under a [plane seat|bike rack]? Measurements on your site are in inches
  only.
- Will there be [a sale|black friday prices] on the {product}? I can wait.
- How many grams is the {product}, really weighed, not from the brochure?
- We're a group of [nine|twelve]. Do you do anything for [clubs|groups], and which {noun} survives
  teenagers?
- {noun}: yes or no for [a wet autumn in {trip}|minus ten]?
- in stock in {size}?
- size chart [Rypa|Tveit|Ravn|Myr]?
- is {name} waterproof
- Can you fly with that gas? Silly question maybe.
- ~ is it good for like rain rain or just drizzle
- ~ need {noun_a} under {amount2} any tips
- Please, the {noun} {is} good for winter in my country? Is until minus 25.
- I look for {noun_a} for long walk, I am little person. What you recommend me?
- My knees are not what they were. Are the Sula poles worth it, or would [any others|cheap ones] do?
- How do I put the [Skarv 2|tent] up alone in wind? The video skips that part.
- Can I use the {name2} with the {name}, are they made to go together?
- How long does the [proofing|insulation|battery] [normally last|hold], before I decide?
- If I bought one and it failed on me in a year, how does your guarantee work? Asking before I
  spend {amount}.
- Should I take the {name} one size bigger to fit a [fleece|thick sock] under it?
- {Does} the {noun} come with [a stuff sack|a repair kit|instructions] or is that extra?
- Where are your {nouns} made? I try to buy European.
- Last time I bought the wrong thing and had to return it, so this time I ask first. {question}
- I'd like to give my partner something for [around|about] {amount2}. She [runs|climbs|cycles] and
  has everything.
"""

ASIDES = """
- and which {noun2} would you recommend for {trip}
- also is the {name2} coming back
- one question while I have you: {question2_l}
- and how should I wash the {noun2}
- what do you think of the {name2}, is it worth it
- by the way does the {name2} run small
"""

PAST = """
- Your advice on the {name2} was spot on.
- I read all the reviews first.
- I asked in the chat before I bought and they said it would be right for me.
"""

PHONE = """
- cx asks {name} vs {name2} for {trip}. told {name2}, wants 2nd opinion by mail
- sizing q: 1.75m / 80kg, {size} or {size2} in {name}
- when is {product} back in {size}? pls notify
- care question, washing {noun}. sent leaflet?
- group of 12, school trip, wants advice on {nouns} + price
- asks if {name} ok for minus 15. not sure, pls call
"""

OTHER = {
    "de": """
- Ist {name} auch für [den Winter|Dauerregen|große Füße] geeignet? Wir wollen nach {trip}.
- Welches Modell empfehlen Sie, {name} oder {name2}?
- Ich bin 1,85 und schlank, passt mir eher {size} oder {size2}?
- wann ist {name} wieder lieferbar?
- Wie wasche ich {name} am besten?
""",
    "es": """
- ¿Qué me recomiendan para {trip}, {name} o {name2}?
- ¿{name} talla grande o pequeño? Mido 1,70.
- ¿Cuándo vuelven a tener {name} en {size}?
- es impermeable {name}?
""",
    "fr": """
- Que conseillez-vous pour {trip}, {name} ou {name2} ?
- Est-ce que {name} taille petit ? Je fais habituellement du {size}.
- Quand {name} sera-t-il de nouveau disponible ?
""",
    "nl": """
- Is {name} warm genoeg voor {trip}?
- Welke raden jullie aan, {name} of {name2}?
""",
    "da": """
- Er {name} vandtæt nok til {trip}?
- Hvilken størrelse skal jeg vælge i {name}? Jeg er 1,80.
""",
}
