"""Tests of admission use these header statements and this admission policy."""

from node.domain.radiograph.body_part import BodyPart
from node.domain.radiograph.film import HeaderStatements
from node.domain.radiograph.view import View
from tests.support.policies import make_admission_policy

POLICY = make_admission_policy()
CHEST = HeaderStatements((BodyPart.CHEST,))
HIP = HeaderStatements((BodyPart.HIP,))
CHEST_AND_ABDOMEN = HeaderStatements((BodyPart.CHEST, BodyPart.ABDOMEN))
FRONTAL = HeaderStatements(view=View.FRONTAL)
