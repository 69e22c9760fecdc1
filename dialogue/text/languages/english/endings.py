"""How often what people say ends in a word: log odds, against words anywhere.

Counted in the utterances of the Switchboard calls' training part (SwDA): each word that comes 60
times or more there, by how often an utterance ended with it, in whole natural logarithms of the
odds against those of any word. Words that end neither more nor less often are left out. No text of
the turns that the end of turn is fitted or judged on was looked at.
"""

from collections.abc import Mapping
from types import MappingProxyType

_WORDS: Mapping[int, str] = {
    -4: """
        a and as because but every he's i'd i'll i'm i've if it's just our put she's that's the
        there's they've very we we're we've when
    """,
    -3: """
        able always an give having he how i keep kind let let's of only or real she supposed than
        their these they they'll they're told took until we'll what's which who whole you'd you're
        you've your
    """,
    -2: """
        after almost although any asked at been being biggest bought bring brought came can't
        certain comes could couple decided don't drug during each entire especially even ever
        everybody's except extremely feel figured find finding for found gave get gets getting
        gives giving going got gotten grocery had hadn't has hate have he'd he'll his into it'll
        its keeping kept last like little lived look looked lots make makes might moved must my
        near never ought paying per pick putting quite rather rid san seem seems send should
        shouldn't since so social some sort sounds still take takes taking talked talking tell
        telling tend terms thank they'd to try trying turned uh united unless used wanting was
        wasn't we'd went were what whenever where whether willing wish within without worry would
        wouldn't you'll
    """,
    -1: """
        about across add afraid against allow allowed american another are aren't ask aware b
        based basic basically be beat become between big brand brother build buy buying by can
        capital carry catch cause certainly civil come coming compared consider considered
        couldn't credit current cut decide didn't doesn't drop eighty ended enjoy enjoyed f fact
        fairly father favor federal felt few fifteen fifty figure finally financial fit folks
        forty four from full g generally given glad graduate graduated grew h handle hang hardly
        hasn't haven't health hear heard heavy hit hold hope hopefully hoping however human
        hundred husband husband's in instead invasion is isn't keeps kill kinds knew l large
        learned least likes listening local looking looks lose love loved made main mainly making
        many matter may maybe mean middle more most move national need new next nineteen nobody
        normally not notice noticed nursing on opposed other p part particular pay peace people's
        personal picked played plays police pretty probably public pull raised realize regular
        rent rest said same saw says seeing seemed seen self sell selling sent set seventy several
        simply sit sitting sixty somebody someone special spend stand started starting stay stayed
        staying stick t taken talk taught ten think thinking third this thought three throw total
        totally toward towards tried turn twenty type types typical um under use using usually
        want wanted wants watched watching well weren't who's wife will wind with won't wonder
        wondering write you
    """,
    1: """
        account active activities aerobics age agree ahead alone america answer antonio anything
        anywhere apartment areas attention available away awful awhile baby background bad bags
        ball band bank base baseball basis basketball beautiful bed benefits better bill bills bit
        boat book books bottles boy boys budget building business california calling calls camp
        camping cans car card cards care cars case cash cat cats center change changed changes
        chicago chicken child children choice christmas church cities city class classes clean
        clothes club cold college color colorado community company computers concerned control
        cook cooking cool countries country county court coverage cowboys crime crimes dallas day
        days dead deal death debt decision definitely degree degrees department die died difficult
        dog dogs dollars door doubt drugs dry easier easily easy education effect else engineering
        environment europe evening eventually everything excellent exercise experience fair fall
        families family fan farm fast feet field fish fishing floor flowers food football force
        free future games garden gardening gee girl girls glass god golf good grade grandchildren
        grass ground groups grown guilty gun guns hands happen happening happens heart here him
        himself history home homes hospital hour house houston hunting imagine important inches
        industry information inside insurance interest issue issues it jail job jobs jury kids
        killed kitchen land language later lawn lawyers left level life limit line lines list
        lives longer luck lucky lunch machine magazine magazines mail man married maryland me mess
        metric mexico mind mine minute minutes money month months morning mountains movie movies
        murder music myself name neighborhood news newspaper newspapers nice night no nothing now
        nowadays numbers off office often oh old ones opinion originally others ourselves paint
        painting paper papers parent park party penalty percent period person personally pet phone
        place places plano plants point policy pollution pool possible price prison privacy
        problem problems process products professional program programs project property
        punishment question questions radio rain rate reasonable reasons recently recipe recycle
        recycling report research respect responsibility restaurant restaurants retired retirement
        reunion richardson road room rough salary savings scary school schools science season seat
        security sense serious service seventies shape shop shot show shows sick side situation
        sixties size snow society something somewhere soon sorry space speak sports spring
        standard state states station store stories story strange street student students subject
        summer sunday surprised swimming system systems tax taxes teacher team teams television
        term test tested testing texas them themselves there thing things thirteen though time
        times today topic tough town tree trees trial trip trouble truck understand university
        upset us utah v vacation van variety video vietnam view visit vote wall war warm
        washington waste water way ways weather week weekends weeks weight weird whatever while
        wild winter wood word work world worse wrong yard year years yesterday york yours
    """,
    2: """
        absolutely again ago amazing anyway area bet busy bye carolina crazy cute difference
        either everywhere exactly expensive fine florida forever forth fun funny game gosh great
        hi hobbies hobby horrible idea incredible interesting itself jeez lately moment ooh
        pennsylvania quick quickly ridiculous sad stuff sure terrible thanks together tonight too
        virginia weekend wonderful yes yet yourself
    """,
    3: """
        anymore goodness huh kidding neat okay right true wow yeah yep
    """,
}

ENDINGS: Mapping[str, int] = MappingProxyType(
    {word: odds for odds, words in _WORDS.items() for word in words.split()}
)
