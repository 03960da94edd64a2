"""Values that one demo call speaks of: names, dates, numbers. A value has many spellings."""

import random
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from itertools import count, islice

Slots = dict[str, str]


def _words(text: str) -> list[str]:
    return text.split()


DIGITS = ("oh", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
ORDINALS = _words(
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth "
    "fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth twenty-first "
    "twenty-second twenty-third twenty-fourth twenty-fifth twenty-sixth twenty-seventh "
    "twenty-eighth twenty-ninth thirtieth thirty-first"
)
MONTHS_ES = _words(
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre"
)
WEEKDAYS_ES = ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo")
TENS = {60: "sixty", 70: "seventy", 80: "eighty", 90: "ninety"}
HOURS = _words("eight nine ten eleven twelve one two three four")
MINUTES = {0: "", 15: " fifteen", 30: " thirty", 45: " forty-five"}

FIRST_US = _words(
    "Marcus Denise Priya Tyler Rosa Kevin Hannah Andre Megan Luis Aisha Brian Caitlin Omar Grace "
    "Jamal Elena Scott Naomi Peter Yolanda Ethan Brooke Hector Dana Wes Lakshmi Ingrid Paulo June"
)
LAST_US = _words(
    "Bennett Alvarez Chen Whitmore Patel Johnson Reyes O'Brien Kim Foster Haddad Schultz Park "
    "Delgado Cooper Vaughn Ramirez Ellison Murphy Tran Okoro Larsen Muñoz Hughes Castellano"
)
FIRST_ES = ("María", "Jorge", "Lucía", "Ramón", "Guadalupe", "Ximena", "Andrés", "Rosario")
LAST_ES = ("Hernández", "Núñez", "Villarreal", "Ortega", "Peña", "Cárdenas", "Fuentes")
GARBLED_SURNAMES = (
    ("Kowalczyk", "coal check"),
    ("Nguyen", "new win"),
    ("Thibodeaux", "tippy doe"),
    ("Wojcik", "voice chick"),
    ("Papadakis", "papa duckies"),
    ("Szymanski", "sim and ski"),
    ("Gutierrez", "goody airs"),
    ("Featherstonhaugh", "feather stone how"),
)
GARBLED_TERMS = (
    ("root canal", "route can Al"),
    ("bitewing X-ray", "bite wing ex ray day"),
    ("veneer", "when ear"),
    ("crown", "clown"),
    ("implant check", "him plant check"),
    ("night guard", "knight card"),
)
DENTISTS = ("Dr. Okafor", "Dr. Lindqvist", "Dr. Mehta", "Dr. Salazar")
TREATMENTS = (
    "cleaning", "check-up", "filling", "crown fitting", "denture adjustment", "deep cleaning",
    "second opinion", "six-month check-up", "night guard fitting",
)  # fmt: skip

FIRST_UK = _words(
    "Gareth Moira Tariq Ellie Callum Shanice Nigel Bronwen Imran Poppy Declan Fiona Rahul Sinead "
    "Angus Beth Kofi Harriet Lewis Zofia Maureen Dev Isla Owen Rhiannon Clive Nadia Toby"
)
LAST_UK = _words(
    "Ashworth Begum Campbell Davies O'Neill Fairclough Gill Hussain Iqbal Jones McAllister Lowe "
    "Mbeki Nowak Osborne Pritchard Quinn Rowntree Singh Thackeray Umar Walsh Yates D'Souza"
)
STREETS = (
    "Alma Road", "Mill Lane", "Station Street", "Kirkgate", "Victoria Terrace", "Ferry Close",
    "Hawthorn Avenue", "Castle Hill", "Wharf Row", "St Mary's Crescent", "Brook Gardens",
)  # fmt: skip
#: The depot of each postcode area.
DEPOTS = {
    "LS": "Leeds", "BS": "Bristol", "M": "Salford", "NE": "Gateshead", "CF": "Cardiff",
    "NG": "Nottingham", "SN": "Swindon", "EH": "Edinburgh", "YO": "York",
}  # fmt: skip
ITEMS = (
    "a pair of boots", "a laptop charger", "a birthday present", "two framed prints", "a kettle",
    "some vinyl records", "a child's bike helmet", "my contact lenses", "a box of seedlings",
    "a coat", "a phone case", "a coffee grinder",
)  # fmt: skip
SENDERS = (
    "Northbank Books", "Hill & Harrow", "Tidepool Toys", "an eBay seller", "Cobalt Cycles",
    "my sister in Kent", "Fern & Finch", "a shop in Leeds",
)  # fmt: skip
#: Letters that sound alike on a phone line: what is said, what is heard, how it is spelled out.
LETTERS = (
    ("M D", "N D", "Mike Delta"),
    ("S F", "F F", "Sierra Foxtrot"),
    ("B T", "D T", "Bravo Tango"),
    ("P R", "T R", "Papa Romeo"),
    ("N V", "M V", "November Victor"),
)


def dental(rng: random.Random, started_at: datetime) -> Slots:
    """Return the values of a call to the dental practice."""
    today = started_at.date()
    slots = _person(rng, FIRST_US, LAST_US)
    first_es, last_es = rng.choice(FIRST_ES), rng.choice(LAST_ES)
    born = date(rng.randint(60, 99) + 1900, rng.randint(1, 12), rng.randint(1, 28))
    phone = [5, 1, 2, 5, 5, 5, 0, 1, *(rng.randint(0, 9) for _ in range(2))]
    lost = rng.randint(6, 9)
    surname, garbled_surname = rng.choice(GARBLED_SURNAMES)
    term, garbled_term = rng.choice(GARBLED_TERMS)
    slots |= _two_days(rng, today, _day) | _look_alike_days(rng, today)
    visit = date.fromisoformat(slots["date"])
    return slots | {
        "es_first": first_es,
        "es_name": f"{first_es} {last_es}",
        "dob": born.isoformat(),
        "dob_spoken": f"{_day(born)}, nineteen {_two_digits(born.year % 100)}",
        "dob_es": f"{born.day} de {MONTHS_ES[born.month - 1]} de {born.year}",
        "day_es": f"{WEEKDAYS_ES[visit.weekday()]} {visit.day}",
        "phone": "512-555-01{}{}".format(*phone[-2:]),
        "phone_spoken": _spoken_number(phone),
        "short_phone_spoken": _spoken_number(phone[:lost] + phone[lost + 1 :]),
        "patient_id": f"P{rng.randint(10000, 99999)}",
        "appointment_id": f"A-{rng.randint(20000, 59999)}",
        "appointment_id_2": f"A-{rng.randint(60000, 99999)}",
        "last_visit": (today - timedelta(days=rng.randint(90, 700))).isoformat(),
        "dentist": rng.choice(DENTISTS),
        "treatment": rng.choice(TREATMENTS),
        "elapsed": str(rng.randint(9800, 30100)),
        "hard_surname": surname,
        "garbled_surname": garbled_surname,
        "spelled_surname": " ".join(surname.upper()),
        "term": term,
        "garbled_term": garbled_term,
    }


def parcel(rng: random.Random, started_at: datetime) -> Slots:
    """Return the values of a call to the parcel carrier."""
    said, heard, phonetic = rng.choice(LETTERS)
    digits = [rng.randint(0, 9) for _ in range(6)]
    joined = "".join(map(str, digits))
    street, new_street = rng.sample(STREETS, 2)
    area, new_area = rng.sample(list(DEPOTS), 2)
    spoken = " ".join(DIGITS[digit] for digit in digits)
    at = rng.randint(10, 15)
    scanned = started_at - timedelta(minutes=rng.randint(90, 900))
    return (
        _person(rng, FIRST_UK, LAST_UK)
        | _two_days(rng, started_at.date(), _day_uk)
        | {
            "tracking": said.replace(" ", "") + joined,
            "tracking_spoken": f"{said}, {spoken}",
            "tracking_digits": spoken,
            "said_letters": said,
            "heard_letters": heard,
            "phonetic": phonetic,
            "wrong_tracking": heard.replace(" ", "") + joined,
            "postcode": _postcode(rng, area),
            "new_postcode": _postcode(rng, new_area),
            "street": f"{rng.randint(1, 140)} {street}",
            "new_street": f"{rng.randint(1, 140)} {new_street}",
            "scanned": f"{scanned:%Y-%m-%dT%H:%M}",
            "depot": DEPOTS[area],
            "item": rng.choice(ITEMS),
            "sender": rng.choice(SENDERS),
            "claim_id": f"C{rng.randint(100000, 999999)}",
            "window": f"{at % 12 or 12} and {(at + 2) % 12 or 12}",
            "amount": f"£{rng.choice((10, 15, 20, 25, 40, 50))}",
            "opens": rng.choice(("Mon 08:00", "tomorrow 08:00", "09:00")),
            "sms_error": rng.choice(("provider_rejected", "landline_number", "rate_limited")),
        }
    )


SLOTS_OF: dict[str, Callable[[random.Random, datetime], Slots]] = {
    "Willow Park Dental": dental,
    "Swiftline Parcels": parcel,
}


def _person(rng: random.Random, firsts: list[str], lasts: list[str]) -> Slots:
    first, last = rng.choice(firsts), rng.choice(lasts)
    return {"first": first, "last": last, "name": f"{first} {last}"}


def _two_days(rng: random.Random, today: date, spoken: Callable[[date], str]) -> Slots:
    """Return two working days of the next weeks, each with a time of day."""
    slots = {"today": today.isoformat()}
    nearby = [today + timedelta(days=n) for n in range(2, 15)]
    days = sorted(rng.sample([day for day in nearby if _is_open(day)], 2))
    clocks = sorted(rng.sample([(h, m) for h in range(len(HOURS)) for m in MINUTES], 2))
    for suffix, day, (hour, minute) in zip(("", "_2"), days, clocks, strict=True):
        slots |= {
            f"date{suffix}": day.isoformat(),
            f"weekday{suffix}": f"{day:%A}",
            f"day{suffix}": f"{day:%A}, {spoken(day)}",
            f"time{suffix}": HOURS[hour] + (MINUTES[minute] or " o'clock"),
            f"clock{suffix}": f"{hour + 8:02}:{minute:02}",
        }
    return slots


def _look_alike_days(rng: random.Random, today: date) -> Slots:
    """Return days that are mixed up: Thursday, thirtieth, and month and day swapped."""
    tuesday = next(d for d in _days_after(today, 2) if d.weekday() == 1)
    thursday = tuesday + timedelta(days=2)
    thirteenth = next(
        day for day in _days_after(today, 10) if day.day == 13 and day.month != 2 and _is_open(day)
    )
    swappable = (
        (day, day.replace(month=day.day, day=day.month))
        for day in _days_after(today, 5)
        if day.day <= 12 and day.day != day.month
    )
    later = (pair for pair in swappable if pair[1] > today and _is_open(*pair))
    swap, swapped = rng.choice([*islice(later, 6)])
    return {
        "thu": _day(thursday),
        "thu_date": thursday.isoformat(),
        "month_13": f"{thirteenth:%B}",
        "date_30": thirteenth.replace(day=30).isoformat(),
        "swap": _day(swap),
        "swap_date": swap.isoformat(),
        "swapped": _day(swapped),
        "swapped_date": swapped.isoformat(),
    }


def _days_after(today: date, days: int) -> Iterator[date]:
    return (today + timedelta(days=n) for n in count(days))


def _is_open(*days: date) -> bool:
    return all(day.weekday() < 5 for day in days)


def _day(day: date) -> str:
    return f"{day:%B} {ORDINALS[day.day - 1]}"


def _day_uk(day: date) -> str:
    return f"the {ORDINALS[day.day - 1]} of {day:%B}"


def _two_digits(number: int) -> str:
    tens, ones = TENS[number // 10 * 10], number % 10
    return f"{tens}-{DIGITS[ones]}" if ones else tens


def _spoken_number(digits: list[int]) -> str:
    groups = digits[:3], digits[3:6], digits[6:]
    return ", ".join(" ".join(DIGITS[digit] for digit in group) for group in groups)


def _postcode(rng: random.Random, area: str) -> str:
    letters = "ABDEFGHJLNPQRSTUWXYZ"
    unit = f"{rng.randint(1, 9)}{rng.choice(letters)}{rng.choice(letters)}"
    return f"{area}{rng.randint(1, 18)} {unit}"
