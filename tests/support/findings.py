"""What codes and texts of a film may say, and the policy that tests of admission begin with."""

from node.domain.admission.header_rules import AdmissionPolicy
from node.domain.radiograph.body_part import BodyPart
from node.domain.radiograph.film import HeaderStatements
from node.domain.radiograph.view import View

POLICY = AdmissionPolicy()
CHEST = HeaderStatements((BodyPart.CHEST,))
HIP = HeaderStatements((BodyPart.HIP,))
CHEST_AND_ABDOMEN = HeaderStatements((BodyPart.CHEST, BodyPart.ABDOMEN))
FRONTAL = HeaderStatements(view=View.FRONTAL)
