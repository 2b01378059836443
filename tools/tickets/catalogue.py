"""What the invented shop sells: names, nouns, the ways each thing fails, what people ask."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Product:
    """One article; `plural` for things that are spoken of as they."""

    name: str
    noun: str
    plural: bool
    price: int
    faults: tuple[str, ...]
    damages: tuple[str, ...]
    questions: tuple[str, ...]


PRODUCTS = (
    Product(
        "Skarv 2",
        "tent",
        False,
        349,
        (
            "the pole has snapped at the joint",
            "water comes in along the floor seam",
            "the zip of the inner door no longer closes",
            "the flysheet has gone sticky",
            "two guy lines have torn out of the fabric",
        ),
        (
            "a tear in the flysheet",
            "one bent pole",
            "a hole in the groundsheet",
            "a broken pole section",
        ),
        (
            "Does it really sleep two grown-ups and a dog?",
            "Will it stand up to wind above the trees?",
            "Can the inner be pitched on its own?",
            "Is the floor enough without a footprint?",
        ),
    ),
    Product(
        "Rypa",
        "down jacket",
        False,
        229,
        (
            "feathers come out at every seam",
            "the zip has split from the bottom",
            "the down has clumped and left cold patches",
            "the hood cord has torn out",
        ),
        (
            "a cut in the sleeve",
            "a stain on the front",
            "a zip that does not catch",
            "loose feathers all over",
        ),
        (
            "Is it warm enough at minus ten when standing still?",
            "Does it go under a shell?",
            "How small does it pack?",
            "Is the down from a traceable farm?",
        ),
    ),
    Product(
        "Orrin 45",
        "backpack",
        False,
        189,
        (
            "the hip belt has torn off on one side",
            "the buckle broke under load",
            "the frame squeaks and pokes through",
            "a shoulder strap is coming unstitched",
        ),
        ("a cracked buckle", "a rip in the lid", "a missing hip belt", "a crooked frame"),
        (
            "Is it all right as cabin luggage?",
            "Does it come with a rain cover?",
            "Can I carry 18 kilos in it?",
            "Is the back length adjustable?",
        ),
    ),
    Product(
        "Tveit",
        "boots",
        True,
        219,
        (
            "the sole is peeling off at the toe",
            "the left one lets water in",
            "two lace hooks have pulled out",
            "the heel lining has worn through",
            "the rubber rand has come loose",
        ),
        (
            "glue all over the leather",
            "a scratch down to the lining",
            "one sole that is coming off",
            "a missing insole",
        ),
        (
            "Do they run narrow?",
            "Are they stiff enough for crampons?",
            "Can they be resoled?",
            "Are they too warm for summer?",
        ),
    ),
    Product(
        "Brann",
        "stove",
        False,
        99,
        (
            "the igniter does nothing any more",
            "gas leaks at the valve",
            "one pot support has broken off",
            "the flame goes out after a minute",
        ),
        ("a bent burner", "a dented fuel line", "a cracked valve", "a loose pot support"),
        (
            "Does it work with every cartridge?",
            "How long to boil a litre in wind?",
            "Can I use it at 3000 metres?",
            "Is it allowed on a ferry?",
        ),
    ),
    Product(
        "Myr",
        "rain jacket",
        False,
        179,
        (
            "the tape inside is peeling off",
            "it wets through at the shoulders",
            "the main zip jams half way",
            "the lining flakes off in white bits",
        ),
        ("tape that is already loose", "a broken zip", "a mark on the back", "a torn pocket"),
        (
            "Will it breathe on a steep climb?",
            "Is it proof for a whole day of rain?",
            "Does the hood fit over a helmet?",
            "Is there a two-way zip?",
        ),
    ),
    Product(
        "Hegre",
        "sleeping bag",
        False,
        269,
        (
            "the zip catches and has ripped the lining",
            "down leaks out at the foot end",
            "it has lost all its loft",
            "the hood drawstring has snapped",
        ),
        (
            "a hole at the foot end",
            "a zip on the wrong side",
            "a damp and musty lining",
            "a torn stuff sack",
        ),
        (
            "Is the comfort rating honest for a cold sleeper?",
            "Is it long enough for 1.95?",
            "Can two be zipped together?",
            "Can I wash it at home?",
        ),
    ),
    Product(
        "Nattugle",
        "headlamp",
        False,
        69,
        (
            "it switches off by itself",
            "the battery does not charge any more",
            "the hinge has broken",
            "water got into the lens",
        ),
        ("a cracked lens", "a strap that is torn", "a dead battery", "a switch that is stuck"),
        (
            "How long does it last on full beam?",
            "Does it take AAA as well?",
            "Is it bright enough for trail running?",
            "Can I lock the button?",
        ),
    ),
    Product(
        "Sula",
        "trekking poles",
        True,
        89,
        (
            "the lever no longer holds",
            "one tip has come off",
            "the lower section slips in",
            "the cork grip has split",
        ),
        ("a bent section", "a missing basket", "a lock that does not hold", "one cracked grip"),
        (
            "Are they long enough for someone of 1.90?",
            "Carbon or aluminium for stony paths?",
            "Do rubber tips come with them?",
            "Can they go in hand luggage?",
        ),
    ),
    Product(
        "Lom",
        "merino base layer",
        False,
        79,
        (
            "it has holes under both arms",
            "the side seam has opened",
            "it has shrunk two sizes",
            "the cuff is unravelling",
        ),
        (
            "a moth hole",
            "a seam left open",
            "a pulled thread across the front",
            "a security tag still on",
        ),
        (
            "Does it itch?",
            "Can it go in the dryer?",
            "Is it too warm for spring?",
            "Is the wool mulesing free?",
        ),
    ),
    Product(
        "Vad",
        "sandals",
        True,
        95,
        (
            "the strap has pulled out of the sole",
            "the velcro does not stick any more",
            "the footbed is crumbling",
            "the sole has cracked across",
        ),
        (
            "one strap shorter than the other",
            "a glue stain",
            "a cut in the sole",
            "a missing buckle",
        ),
        (
            "Are they fine for wading rivers?",
            "Do they suit wide feet?",
            "Can I hike a full day in them?",
            "Is there a half size?",
        ),
    ),
    Product(
        "Fonn",
        "snowshoes",
        True,
        199,
        (
            "a binding strap has snapped",
            "the heel lift has come off",
            "the frame has cracked",
            "three rivets are gone",
        ),
        ("a cracked deck", "a missing strap", "a bent crampon", "two left ones"),
        (
            "Up to what weight do they float?",
            "Are they any good on steep ground?",
            "Do they take running shoes?",
            "How loud are they on ice?",
        ),
    ),
    Product(
        "Torv",
        "sleeping mat",
        False,
        129,
        (
            "it loses air over night",
            "the valve has come loose",
            "it has a bulge the size of a melon",
            "two chambers have joined into one",
        ),
        ("a valve that leaks", "a pinhole", "a missing pump sack", "a cut near the edge"),
        (
            "Is the R-value enough for snow?",
            "Does it make noise when you turn?",
            "How many breaths to fill it?",
            "Is the wide one too wide for a small tent?",
        ),
    ),
    Product(
        "Ravn",
        "softshell trousers",
        True,
        139,
        (
            "the seat has worn through",
            "the button has come off with the cloth",
            "the knee seam has burst",
            "the pocket zip is stuck for good",
        ),
        ("a hole at the knee", "a zip sewn in crooked", "different leg lengths", "a stain"),
        (
            "Are they warm enough with tights under?",
            "Do they come in short legs?",
            "Are they any use on a bike?",
            "Do the braces come with them?",
        ),
    ),
    Product(
        "Kvist",
        "hammock",
        False,
        59,
        (
            "a strap has torn",
            "the fabric has split along the edge",
            "a carabiner has bent",
            "the net has come off the zip",
        ),
        ("a missing strap", "a tear near the loop", "a stain in the middle", "a bent hook"),
        (
            "How far apart must the trees be?",
            "Does it hold two?",
            "Is there a net for it?",
            "Does it need a mat in autumn?",
        ),
    ),
    Product(
        "Glo",
        "gas lantern",
        False,
        49,
        (
            "the glass has cracked by itself",
            "it hisses and does not light",
            "the handle came off",
            "the regulator is stuck",
        ),
        ("a broken glass", "a dented base", "a bent handle", "a missing mantle"),
        (
            "Is it bright enough for a table of six?",
            "Is it safe in a porch?",
            "Which cartridge does it take?",
            "How long does a mantle last?",
        ),
    ),
)

COLOURS = ("moss", "slate", "rust", "navy", "black", "sand", "pine", "ochre", "ice blue", "red")
SIZES = ("XS", "S", "M", "L", "XL", "XXL")
FOOT_SIZES = ("37", "38", "39", "40", "41", "42", "43", "44", "45", "46")
CITIES = (
    "Leeds",
    "Bergen",
    "Kassel",
    "Utrecht",
    "Lyon",
    "Aarhus",
    "Bristol",
    "Gdansk",
    "Graz",
    "Inverness",
    "Bilbao",
    "Basel",
    "Ghent",
    "Malmo",
    "Sheffield",
    "Freiburg",
    "Annecy",
    "Cork",
)
TRIPS = (
    "Norway",
    "Lofoten",
    "Corsica",
    "Patagonia",
    "Scotland",
    "Iceland",
    "Lapland",
    "Nepal",
    "the Alps",
    "the Pyrenees",
    "the Lakes",
    "Kungsleden",
    "the Dolomites",
)
PLAIN_TRIPS = ("Nepal", "Lofoten", "Kungsleden", "GR 20", "Laugavegur")
AGENTS = ("Mira", "Jonas", "Priya", "Tomasz", "Ellen", "Samir", "Dot", "Henrik")
