"""The names of columns in our stars of particles: RELION's, and two of our own."""

ANGLES = ("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi")
SUBTOMOGRAM_ANGLES = ("rlnTomoSubtomogramRot", "rlnTomoSubtomogramTilt", "rlnTomoSubtomogramPsi")
PRIORS = ("rlnAngleTiltPrior", "rlnAnglePsiPrior")
CENTRED = ("rlnCenteredCoordinateXAngst", "rlnCenteredCoordinateYAngst", "rlnCenteredCoordinateZAngst")
CORNER = ("rlnCoordinateX", "rlnCoordinateY", "rlnCoordinateZ")
PARTICLE = "rlnTomoParticleName"
SCORE = "rlnAutopickFigureOfMerit"
FALSE_SHARE = "livetomoFalseShare"
MATCH_SCORE = "livetomoMatchScore"
"""RELION keeps columns that it does not know, and other programs pass over them."""
