"""Recognise body parts in words and codes of headers.

Words are the terms of PS3.16, Annex L, and words of English, German, French, Spanish, Portuguese,
Italian, Chinese, Japanese and Korean. Codes are from CID 4009 and 4031, in SNOMED CT and SNOMED RT.
"""

from enum import StrEnum

from node.domain.radiograph.vocabulary import build_lexicon, meanings_in


class BodyPart(StrEnum):
    """Body parts, as detailed as needed to distinguish the chest from other parts."""

    CHEST = "chest"
    RIB_CAGE = "rib cage"  # some exporters use this term for a chest film
    LUNG = "lung"
    RIBS = "ribs"  # a detail of some ribs, often oblique; not a chest film
    STERNUM = "sternum"
    CLAVICLE = "clavicle"
    SHOULDER = "shoulder"
    SPINE = "spine"
    ABDOMEN = "abdomen"
    PELVIS = "pelvis"
    HIP = "hip"
    ARM = "arm"
    HAND = "hand"
    LEG = "leg"
    FOOT = "foot"
    LIMB = "limb"
    HEAD = "head"
    NECK = "neck"
    BREAST = "breast"
    WHOLE_BODY = "whole body"


# Excluded: "face" (French for a frontal view), "main" (French for hand), "back",
# "Brust" (chest or breast).
_WORDS = {
    BodyPart.CHEST: (
        "chest, chests, chestpa, chestap, chestlat, cxr, pcxr, thorax, thx, thoraxaufnahme, "
        "thoraxuebersicht, thoraxubersicht, roentgenthorax, rontgenthorax, bettthorax, bettlunge, "
        "brustkorb, poitrine, torax, torace, pecho, peito, petto, heart lung, heart lungs, "
        "heart and lungs, herz lunge, herz und lunge, coeur poumons, cor pulmo, 胸, 胸部, 胸片, "
        "心肺, 흉부, 가슴, chestabdomen, chestabdpelvis, neckchest, neckchestabdomen, "
        "neckchestabdpelv, thoracoabdominal, 胸腹, 胸腹部"
    ),
    BodyPart.RIB_CAGE: (
        "ribcage, rib cage, thoracic cage, cage thoracique, caja toracica, gabbia toracica, "
        "caixa toracica, 胸廓, 흉곽"
    ),
    BodyPart.LUNG: (
        "lung, lungs, lunge, lungen, lungenaufnahme, pulmo, poumon, poumons, pulmon, pulmones, "
        "pulmao, pulmoes, polmone, polmoni, 肺, 肺部, 폐"
    ),
    BodyPart.RIBS: (
        "rib, ribs, rippe, rippen, rippenthorax, cote, cotes, gril costal, costilla, costillas, "
        "parrilla costal, costela, costelas, costale, coste, 肋骨, 肋, 늑골, 갈비뼈"
    ),
    BodyPart.STERNUM: "sternum, brustbein, esternon, esterno, sterno, 胸骨, 흉골",
    BodyPart.CLAVICLE: (
        "clavicle, clavicles, acromioclavicular, sternoclavicular, ac joint, ac joints, "
        "schluesselbein, schlusselbein, klavikula, clavicula, clavicule, clavicola, 锁骨, 鎖骨, "
        "胸锁, 胸鎖, 쇄골"
    ),
    BodyPart.SHOULDER: (
        "shoulder, shoulders, scapula, schulter, schulterblatt, epaule, hombro, ombro, spalla, "
        "肩, 肩部, 肩関節, 肩关节, 어깨, 견관절"
    ),
    BodyPart.SPINE: (
        "spine, cspine, tspine, lspine, sspine, lsspine, tlspine, ctspine, c spine, t spine, "
        "l spine, cervical spine, thoracic spine, dorsal spine, lumbar spine, lumbar, "
        "thoracolumbar, lumbosacral, sacrum, coccyx, vertebra, vertebrae, vertebral, scoliosis, "
        "wirbelsaeule, wirbelsaule, hws, bws, lws, skoliose, rachis, rachis dorsal, scoliose, "
        "columna, columna dorsal, coluna, colonna, colonne, escoliosis, 脊柱, 脊椎, 颈椎, 頸椎, "
        "胸椎, 腰椎, 胸腰椎, 骶椎, 척추, 경추, 흉추, 요추"
    ),
    BodyPart.ABDOMEN: (
        "abdomen, abdominal, kub, kidney, kidneys, bauch, abdomenuebersicht, abdomenubersicht, "
        "ventre, vientre, abdome, addome, abdomenpelvis, chestabdomen, chestabdpelvis, "
        "neckchestabdomen, neckchestabdpelv, thoracoabdominal, 腹, 腹部, 胸腹, 胸腹部, 복부"
    ),
    BodyPart.PELVIS: (
        "pelvis, becken, beckenuebersicht, beckenubersicht, bassin, bacia, bacino, abdomenpelvis, "
        "chestabdpelvis, neckchestabdpelv, 骨盆, 骨盤, 골반"
    ),
    BodyPart.HIP: (
        "hip, hips, hip joint, huefte, hufte, hueftgelenk, huftgelenk, hanche, cadera, quadril, "
        "anca, 髋, 髋关节, 髖, 股関節, 股关节, 고관절"
    ),
    BodyPart.ARM: (
        "arm, arms, humerus, forearm, elbow, radius, ulna, upper extremity, upper limb, oberarm, "
        "unterarm, ellenbogen, coude, bras, codo, brazo, cotovelo, braco, gomito, braccio, 肘, "
        "前臂, 前腕, 肱骨, 上腕, 팔꿈치"
    ),
    BodyPart.HAND: (
        "hand, hands, wrist, finger, fingers, thumb, handgelenk, daumen, poignet, doigt, mano, "
        "muneca, dedo, mao, punho, polso, 手, 手部, 手関節, 腕, 腕关节, 손, 손목"
    ),
    BodyPart.LEG: (
        "leg, legs, lower leg, femur, thigh, knee, knees, tibia, fibula, patella, calf, "
        "lower extremity, lower limb, bein, oberschenkel, unterschenkel, knie, genou, jambe, "
        "rodilla, pierna, joelho, perna, ginocchio, gamba, 膝, 膝关节, 股骨, 胫骨, 下肢, 大腿, "
        "下腿, 무릎"
    ),
    BodyPart.FOOT: (
        "foot, feet, ankle, toe, toes, heel, calcaneus, fuss, sprunggelenk, zehe, pied, cheville, "
        "pie, tobillo, tornozelo, piede, caviglia, 足, 足部, 踝, 踝关节, 발, 발목"
    ),
    BodyPart.LIMB: "extremity, extremities, limb, limbs, extremitaet, extremitat, 四肢",
    BodyPart.HEAD: (
        "head, headneck, skull, cranium, orbit, orbits, sinus, sinuses, nose, nasal, jaw, "
        "mandible, maxilla, facial bones, tmj, iac, brain, zygoma, schaedel, schadel, kopf, nnh, "
        "crane, craneo, cranio, 头部, 头颅, 頭部, 頭蓋, 颅骨, 鼻骨, 鼻窦, 副鼻腔, 두개골, 두부"
    ),
    BodyPart.NECK: (
        "neck, headneck, neckchest, neckchestabdomen, neckchestabdpelv, larynx, hals, cuello, "
        "collo, pescoco, 颈部, 頸部, 경부"
    ),
    BodyPart.BREAST: "breast, breasts, mamma, mammography, mammogram, 乳腺, 乳房, 유방",
    BodyPart.WHOLE_BODY: (
        "whole body, wholebody, babygram, skeletal survey, ganzkoerper, ganzkorper, 全身, 전신"
    ),
}
# Complaints, institutions and devices whose names contain a body part.
_IGNORED_PHRASES = (
    "chest pain, chest clinic, chest hospital, chest ward, chest unit, chest centre, chest center, "
    "chest physician, chest medicine, thorax klinik, torax dolor, 胸痛, 胸闷, 胸悶, 胸科, 胸外, "
    "呼吸不足, 吸气不足, 不足, 充足, 手术, 手術, 흉통, 흉부외과, c arm, hand held, head office, "
    "left hand side, right hand side"
)
_LEXICON = build_lexicon(_WORDS, _IGNORED_PHRASES)

_CODES = {
    "51185008": (BodyPart.CHEST,),
    "T-D3000": (BodyPart.CHEST,),
    "816094009": (BodyPart.CHEST,),
    "43799004": (BodyPart.CHEST,),
    "60413009": (BodyPart.RIB_CAGE,),
    "39607008": (BodyPart.LUNG,),
    "T-28000": (BodyPart.LUNG,),
    "416550000": (BodyPart.CHEST, BodyPart.ABDOMEN),
    "R-FAB55": (BodyPart.CHEST, BodyPart.ABDOMEN),
    "416775004": (BodyPart.CHEST, BodyPart.ABDOMEN, BodyPart.PELVIS),
    "R-FAB56": (BodyPart.CHEST, BodyPart.ABDOMEN, BodyPart.PELVIS),
    "417437006": (BodyPart.NECK, BodyPart.CHEST),
    "R-FAB52": (BodyPart.NECK, BodyPart.CHEST),
    "122495006": (BodyPart.SPINE,),
    "T-11502": (BodyPart.SPINE,),
    "113197003": (BodyPart.RIBS,),
    "T-11300": (BodyPart.RIBS,),
    "56873002": (BodyPart.STERNUM,),
    "T-11210": (BodyPart.STERNUM,),
    "818981001": (BodyPart.ABDOMEN,),
    "113345001": (BodyPart.ABDOMEN,),
    "T-D4000": (BodyPart.ABDOMEN,),
    "38266002": (BodyPart.WHOLE_BODY,),
    "T-D0010": (BodyPart.WHOLE_BODY,),
}


def parts_in_text(text: str) -> tuple[BodyPart, ...]:
    """Return the body parts that a text or a value of Body Part Examined names."""
    return meanings_in(text, _LEXICON)


def parts_of_code(value: str, meaning: str) -> tuple[BodyPart, ...]:
    """Return the body parts of an Anatomic Region Sequence item, by code or meaning."""
    return _CODES.get(value) or parts_in_text(meaning)
