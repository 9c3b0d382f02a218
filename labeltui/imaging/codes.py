"""SNOMED CT codes for the names of segments, as keywords of pydicom's dictionary."""

from __future__ import annotations

import re
from typing import NamedTuple

ANATOMY, ABNORMAL, TISSUE = "AnatomicalStructure", "MorphologicallyAbnormalStructure", "Tissue"
ORGANS = {
    "adrenal": "AdrenalGland", "adrenal gland": "AdrenalGland", "aorta": "Aorta", "bladder": "Bladder",
    "bone": "Bone", "brain": "Brain", "colon": "Colon", "duodenum": "Duodenum", "esophagus": "Esophagus",
    "gall bladder": "Gallbladder", "gallbladder": "Gallbladder", "heart": "Heart",
    "inferior vena cava": "InferiorVenaCava", "kidney": "Kidney", "liver": "Liver", "lung": "Lung",
    "oesophagus": "Esophagus", "pancreas": "Pancreas", "portal vein": "PortalVein", "prostate": "Prostate",
    "rectum": "Rectum", "small bowel": "SmallIntestine", "small intestine": "SmallIntestine",
    "spinal cord": "SpinalCord", "spleen": "Spleen", "splenic vein": "SplenicVein", "stomach": "Stomach",
    "thyroid": "Thyroid", "trachea": "Trachea", "urinary bladder": "Bladder", "uterus": "Uterus",
}  # fmt: skip
ABNORMALITIES = {
    "cyst": "Cyst", "edema": "Edema", "hematoma": "Hematoma", "haematoma": "Hematoma", "lesion": "Lesion",
    "mass": "Mass", "necrosis": "Necrosis", "nodule": "Nodule", "oedema": "Edema", "tumor": "Tumor", "tumour": "Tumor",
}  # fmt: skip
SIDES = {"left": "Left", "right": "Right"}


class Concept(NamedTuple):
    """Keywords of the codes of a segment: category, type, side and region. Side and region may be empty."""

    category: str
    kind: str
    side: str = ""
    region: str = ""


def concept_of(name: str) -> Concept:
    """Return the codes that a segment's name says: an organ, an abnormality, or both, with a side; else ``Tissue``."""
    words = re.sub(r"[\s_-]+", " ", name.strip().lower()).split(" ")
    sides = [word for word in words if word in SIDES]
    rest = [word for word in words if word not in SIDES]
    if len(sides) <= 1 and rest:
        side = SIDES[sides[0]] if sides else ""
        organ, abnormality = _find(ORGANS, rest), _find(ABNORMALITIES, rest[-1:])
        region = _find(ORGANS, rest[:-1])
        if organ:
            return Concept(ANATOMY, organ, side)
        if abnormality and (region or len(rest) == 1):
            return Concept(ABNORMAL, abnormality, side, region)
    return Concept(TISSUE, TISSUE)


def _find(known: dict[str, str], words: list[str]) -> str:
    text = " ".join(words)
    return known.get(text) or known.get(text.removesuffix("s"), "")
