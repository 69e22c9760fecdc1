"""What the made-up catalogues have: twenty kinds of goods, and how people call them."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class GoodsKind:
    """One category. Prices in whole dollars; `sizes` empty where the goods have none."""

    name: str
    called: tuple[str, ...]
    """How people call it, singular; the longest that fits counts."""
    brands: tuple[str, ...]
    lines: tuple[str, ...]
    """Model lines of titles."""
    cheapest: int
    dearest: int
    colors: tuple[str, ...]
    sizes: tuple[str, ...] = ()
    size_kind: str = ""
    """"inch", "shoe", "clothing" or "liter"."""
    features: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()


COLORS = (
    "black white silver gray blue navy red green pink brown beige purple yellow orange gold"
).split()
COLOR_WORDS = {color: color for color in COLORS} | {
    "grey": "gray",
    "dark blue": "navy",
    "navy blue": "navy",
    "violet": "purple",
    "golden": "gold",
    "tan": "beige",
    "cream": "beige",
    "silvery": "silver",
}

CLOTHING_SIZES = ("XS", "S", "M", "L", "XL", "XXL")
_SHOES = ("6", "7", "8", "8.5", "9", "9.5", "10", "10.5", "11", "12", "13")


@dataclass(frozen=True)
class Feature:
    """Something that goods have or have not."""

    name: str
    called: tuple[str, ...] = field(default=())


FEATURES = (
    Feature("wireless", ("wireless", "bluetooth", "cordless", "without a cable", "without cables")),
    Feature("waterproof", ("waterproof", "water resistant", "water-resistant", "rainproof")),
    Feature("noise cancelling", ("noise cancelling", "noise canceling", "noise-cancelling")),
    Feature("touchscreen", ("touchscreen", "touch screen")),
    Feature("mechanical", ("mechanical",)),
    Feature("4K", ("4k", "ultra hd", "uhd")),
    Feature("adjustable", ("adjustable",)),
    Feature("foldable", ("foldable", "folding", "collapsible")),
    Feature("rechargeable", ("rechargeable",)),
    Feature("organic cotton", ("organic cotton", "organic")),
    Feature("programmable", ("programmable",)),
    Feature("gps", ("gps",)),
)


def _kind(
    name: str, called: str, brands: str, lines: str, price: tuple[int, int], **more: str
) -> GoodsKind:
    def split(text: str) -> tuple[str, ...]:
        return tuple(part.strip() for part in text.split(",") if part.strip())

    size_kind = more.get("size_kind", "")
    sizes = {"shoe": _SHOES, "clothing": CLOTHING_SIZES}.get(size_kind) or split(
        more.get("sizes", "")
    )
    return GoodsKind(
        name=name,
        called=split(called),
        brands=split(brands),
        lines=split(lines),
        cheapest=price[0],
        dearest=price[1],
        colors=split(more["colors"]),
        sizes=sizes,
        size_kind=size_kind,
        features=split(more.get("features", "")),
        uses=split(more.get("uses", "")),
    )


KINDS: tuple[GoodsKind, ...] = (
    _kind(
        "laptop",
        "laptop, notebook, notebook computer, laptop computer",
        "HP, Dell, Lenovo, Apple, Asus, Acer, Microsoft",
        "Air, Pro, Slim, Flex, Studio, Core, Swift",
        (299, 2499),
        colors="silver, gray, black, white, blue",
        sizes="13, 14, 15.6, 16, 17",
        size_kind="inch",
        features="touchscreen",
        uses="work, gaming, school, travel, video editing",
    ),
    _kind(
        "phone",
        "phone, smartphone, mobile phone, cell phone, cellphone",
        "Apple, Samsung, Google, Motorola, OnePlus, Nokia",
        "One, Edge, Plus, Lite, Max, Neo",
        (129, 1399),
        colors="black, white, blue, green, pink, gold, purple",
        features="waterproof",
        uses="photography, travel, seniors, kids",
    ),
    _kind(
        "headphones",
        "headphones, headphone, headset, earphones, earbuds",
        "Sony, Bose, JBL, Sennheiser, Beats, Anker",
        "Quiet, Tune, Live, Studio, Pulse, Wave",
        (19, 449),
        colors="black, white, silver, blue, red, pink",
        features="wireless, noise cancelling, foldable, waterproof",
        uses="running, travel, office, gaming, music",
    ),
    _kind(
        "television",
        "television, tv, smart tv, tv set, television set",
        "Samsung, LG, Sony, TCL, Hisense, Philips",
        "Vista, Frame, Crystal, Nova, Horizon",
        (149, 2999),
        colors="black, silver, white",
        sizes="32, 43, 50, 55, 65, 75",
        size_kind="inch",
        features="4K",
        uses="movies, sports, gaming",
    ),
    _kind(
        "tablet",
        "tablet, tablet computer",
        "Apple, Samsung, Lenovo, Amazon, Microsoft",
        "Tab, Pad, Slate, Sketch, Go",
        (79, 1199),
        colors="gray, silver, blue, pink, gold, black",
        sizes="8, 10, 11, 13",
        size_kind="inch",
        features="waterproof",
        uses="drawing, reading, kids, travel",
    ),
    _kind(
        "camera",
        "camera, digital camera",
        "Canon, Nikon, Sony, Fujifilm, Panasonic",
        "Alpha, Vue, Snap, Optic, Focus",
        (99, 2799),
        colors="black, silver, white, red",
        features="4K, waterproof, touchscreen",
        uses="travel, vlogging, wildlife, portraits",
    ),
    _kind(
        "smartwatch",
        "smartwatch, smart watch, fitness watch, sports watch, watch",
        "Apple, Samsung, Garmin, Fitbit, Amazfit",
        "Move, Trail, Beat, Active, Sense",
        (49, 899),
        colors="black, white, silver, blue, pink, green, orange",
        features="gps, waterproof",
        uses="running, swimming, hiking, sleep tracking",
    ),
    _kind(
        "monitor",
        "monitor, computer monitor, computer screen, display",
        "Dell, LG, Samsung, BenQ, Asus, HP, Acer",
        "View, Arc, Sharp, Desk, Ultra",
        (89, 1299),
        colors="black, white, silver",
        sizes="22, 24, 27, 32, 34",
        size_kind="inch",
        features="4K, adjustable",
        uses="office, gaming, video editing",
    ),
    _kind(
        "keyboard",
        "keyboard, computer keyboard",
        "Logitech, Keychron, Corsair, Razer, Microsoft",
        "Type, Key, Strike, Craft, Flow",
        (15, 249),
        colors="black, white, gray, pink, blue",
        features="wireless, mechanical, rechargeable",
        uses="gaming, office, travel",
    ),
    _kind(
        "running shoes",
        "running shoes, running shoe, sneakers, trainers, joggers, tennis shoes, shoes",
        "Nike, Adidas, Asics, Brooks, Hoka, Saucony, Puma",
        "Glide, Tempo, Cloud, Trail, Sprint, Ride",
        (35, 240),
        colors="black, white, blue, red, green, orange, pink, gray",
        size_kind="shoe",
        features="waterproof",
        uses="road running, trail running, walking, marathon",
    ),
    _kind(
        "jacket",
        "jacket, rain jacket, winter jacket, coat, parka, raincoat",
        "Columbia, Patagonia, North Face, Marmot, Helly Hansen",
        "Storm, Ridge, Alpine, Drift, Summit",
        (39, 499),
        colors="black, navy, red, green, yellow, gray, blue, orange",
        size_kind="clothing",
        features="waterproof",
        uses="hiking, skiing, city, sailing",
    ),
    _kind(
        "backpack",
        "backpack, rucksack, daypack, knapsack",
        "Osprey, Deuter, Herschel, Fjallraven, Eastpak, North Face",
        "Daylite, Summit, Nomad, Campus, Trek",
        (19, 289),
        colors="black, blue, red, green, gray, yellow, brown, navy",
        sizes="15, 20, 25, 30, 40, 55",
        size_kind="liter",
        features="waterproof, foldable",
        uses="hiking, school, commuting, travel",
    ),
    _kind(
        "t-shirt",
        "t-shirt, t shirt, tee shirt, tee, shirt",
        "Nike, Adidas, Uniqlo, Hanes, Levi's, Patagonia",
        "Classic, Basic, Sport, Soft, Crew",
        (7, 69),
        colors="black, white, gray, navy, red, green, pink, yellow, purple",
        size_kind="clothing",
        features="organic cotton",
        uses="everyday, sports, work",
    ),
    _kind(
        "jeans",
        "jeans, denim trousers, denim pants, pair of jeans",
        "Levi's, Wrangler, Lee, Diesel, Uniqlo",
        "Slim, Straight, Relaxed, Taper, Bootcut",
        (19, 229),
        colors="blue, black, gray, navy, white",
        size_kind="clothing",
        features="organic cotton",
        uses="everyday, work",
    ),
    _kind(
        "coffee maker",
        "coffee maker, coffee machine, coffeemaker, espresso machine",
        "De'Longhi, Breville, Philips, Keurig, Bosch, Nespresso",
        "Barista, Morning, Aroma, Crema, Brew",
        (25, 999),
        colors="black, silver, white, red, beige",
        features="programmable",
        uses="espresso, office, filter coffee",
    ),
    _kind(
        "vacuum cleaner",
        "vacuum cleaner, vacuum, hoover, robot vacuum",
        "Dyson, Shark, Miele, Bissell, iRobot, Bosch",
        "Cyclone, Glide, Pet, Reach, Turbo",
        (39, 899),
        colors="black, white, red, purple, gray, yellow",
        features="wireless, rechargeable, programmable",
        uses="pet hair, carpets, cars, stairs",
    ),
    _kind(
        "blender",
        "blender, smoothie maker, mixer",
        "Vitamix, Ninja, KitchenAid, Braun, Philips",
        "Fresh, Twist, Power, Smooth, Pulse",
        (19, 549),
        colors="black, white, silver, red, green, blue",
        features="programmable, rechargeable",
        uses="smoothies, soups, baby food",
    ),
    _kind(
        "office chair",
        "office chair, desk chair, swivel chair, chair",
        "IKEA, Herman Miller, Steelcase, Humanscale, Songmics",
        "Ergo, Task, Mesh, Lumbar, Posture",
        (49, 1499),
        colors="black, gray, white, blue, brown, green",
        features="adjustable, foldable",
        uses="home office, gaming, long hours",
    ),
    _kind(
        "desk lamp",
        "desk lamp, reading lamp, table lamp, lamp",
        "Philips, IKEA, BenQ, TaoTronics, Xiaomi",
        "Glow, Arc, Bright, Beam, Halo",
        (9, 249),
        colors="black, white, silver, gold, green, red",
        features="adjustable, rechargeable, wireless",
        uses="reading, office, bedside",
    ),
    _kind(
        "bicycle helmet",
        "bicycle helmet, bike helmet, cycling helmet, helmet",
        "Giro, Bell, Specialized, Poc, Kask",
        "Aero, Urban, Trace, Vent, Spark",
        (19, 329),
        colors="black, white, red, blue, yellow, green, orange",
        sizes="S, M, L",
        size_kind="helmet",
        features="adjustable",
        uses="commuting, racing, kids, mountain biking",
    ),
)

BY_NAME = {kind.name: kind for kind in KINDS}
BRANDS = tuple(sorted({brand for kind in KINDS for brand in kind.brands}))
