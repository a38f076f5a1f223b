"""The three simulated hospitals: their population, case mix and equipment.

The values were chosen before any net was tested, to match real films (``realism``) and the case mix
of the published study. Do not change these values after test results are known. A change needs a
new ``SIMULATION_VERSION``; results of different versions are not comparable.
``docs/explanation/model.md`` gives the source of each value.
"""

from dataclasses import dataclass, replace

from models.simulate.vendor_ranges import MIXED, Vendor

SIMULATION_VERSION = 1

STUDY_PATIENTS, STUDY_POSITIVE = 4542, 1700
"""Number of patients in the published study, and number of patients with osteoporosis."""


@dataclass(frozen=True)
class Population:
    """Distribution of age (years), sex, height (cm), BMI and latent T-score.

    A man of 65 years and BMI 25 has the mean T-score ``t_at_65``. The mean changes by
    ``t_per_year`` per year and ``t_per_bmi`` per BMI unit. In women, the mean also changes by
    ``t_women`` plus ``t_per_year_women`` per year over 65. ``t_spread`` is the standard deviation
    of the residual. Heights and BMI are pairs of mean and standard deviation.
    """

    age_mean: float = 66.0
    age_spread: float = 11.0
    age_range: tuple[int, int] = (40, 92)
    women: float = 0.68
    height_women: tuple[float, float] = (157.0, 6.2)
    height_men: tuple[float, float] = (169.0, 6.8)
    bmi: tuple[float, float] = (24.2, 3.6)
    t_at_65: float = -1.3
    t_per_year: float = -0.025
    t_per_year_women: float = -0.010
    t_women: float = -0.75
    t_per_bmi: float = 0.07
    t_spread: float = 0.98


@dataclass(frozen=True)
class Hospital:
    """One simulated hospital.

    ``patients`` and ``positive`` are counts for a cohort of the study's size. ``matching`` states
    how closely controls match cases in age, sex and build, from 0 (not at all) to 1 (fully). If
    ``matching`` is negative, controls differ from cases, as people at health checks do.
    ``split_shares`` are the shares of the splits, ``split_variants`` the anatomies of each split.
    """

    name: str
    patients: int
    positive: int
    matching: float
    vendor: Vendor
    inpatient_share: float
    split_shares: tuple[tuple[str, float], ...]
    split_variants: tuple[tuple[str, range], ...]


POPULATION = Population()

_INTERNAL = replace(
    MIXED,
    name="flat panel, scintillator",
    hardness=(0.45, 0.95),
    scatter=(0.10, 0.30),
    log_quanta=(9.4, 11.0),
    blur=(0.2, 0.45),
    bits=(12, 14),
    monochrome1=0.2,
    aspects=(0.82, 1.0, 1.0),
)
_EXTERNAL_1 = replace(
    MIXED,
    name="storage phosphor",
    hardness=(0.0, 0.5),
    scatter=(0.20, 0.45),
    log_quanta=(8.3, 9.8),
    blur=(0.35, 0.65),
    detail=(0.0, 0.9),
    gamma=(-0.02, 0.2),
    bits=(10,),
    monochrome1=1.0,
    aspects=(0.82, 1.0, 1.22),
    collimated=0.25,
)
_EXTERNAL_2 = replace(
    MIXED,
    name="flat panel, strong multi-frequency processing",
    hardness=(0.55, 1.0),
    scatter=(0.08, 0.25),
    log_quanta=(9.0, 10.8),
    latitude=(0.4, 0.9),
    detail=(0.5, 1.5),
    equal=(0.2, 0.6),
    gamma=(-0.1, 0.18),
    bits=(12, 15),
    monochrome1=0.0,
    aspects=(1.0, 1.0, 1.22),
    collimated=0.05,
)

HOSPITALS = (
    Hospital(
        name="internal",
        patients=2742,
        positive=1020,
        matching=-0.64,
        vendor=_INTERNAL,
        inpatient_share=0.20,
        split_shares=(("train", 0.60), ("validation", 0.15), ("test", 0.25)),
        split_variants=(
            ("train", range(0, 192)),
            ("validation", range(200, 248)),
            ("test", range(300, 348)),
        ),
    ),
    Hospital(
        name="external-1",
        patients=1000,
        positive=400,
        matching=-0.18,
        vendor=_EXTERNAL_1,
        inpatient_share=0.35,
        split_shares=(("test", 1.0),),
        split_variants=(("test", range(400, 448)),),
    ),
    Hospital(
        name="external-2",
        patients=800,
        positive=280,
        matching=0.95,
        vendor=_EXTERNAL_2,
        inpatient_share=0.15,
        split_shares=(("test", 1.0),),
        split_variants=(("test", range(500, 548)),),
    ),
)


def hospital(name: str) -> Hospital:
    """Return the hospital with this name."""
    return next(place for place in HOSPITALS if place.name == name)
