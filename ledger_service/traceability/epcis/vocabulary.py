"""The words of CBV 2.0 that stand bare in an event, and the properties that each kind of event may have."""

from __future__ import annotations

from types import MappingProxyType

CBV = "https://ref.gs1.org/cbv/"
VOC = "https://gs1.org/voc/"
STEPS = frozenset(
    (
        "accepting arriving assembling collecting commissioning consigning creating_class_instance "
        "cycle_counting decommissioning departing destroying disassembling dispensing encoding "
        "entering_exiting holding inspecting installing killing loading other packing picking receiving "
        "removing repackaging repairing replacing reserving retail_selling shipping staging_outbound "
        "stock_taking stocking storing transporting unloading unpacking void_shipping sensor_reporting "
        "sampling"
    ).split()
)
DISPOSITIONS = frozenset(
    (
        "active container_closed damaged destroyed dispensed disposed encoded expired in_progress in_transit "
        "inactive no_pedigree_match non_sellable_other partially_dispensed recalled reserved retail_sold "
        "returned sellable_accessible sellable_not_accessible stolen unknown available completeness_verified "
        "completeness_inferred conformant container_open mismatch_instance mismatch_class mismatch_quantity "
        "needs_replacement non_conformant unavailable"
    ).split()
)
TRANSACTION_TYPES = frozenset(
    ("bol cert desadv inv pedigree po poc prodorder recadv rma testprd testres upevt").split()
)
PARTY_TYPES = frozenset(("owning_party possessing_party location").split())
ERROR_REASONS = frozenset(("did_not_occur incorrect_data").split())
COMPONENTS = frozenset(
    (
        "x y z axial_distance azimuth height spherical_radius polar_angle elevation_angle easting northing "
        "latitude longitude altitude"
    ).split()
)
MEASUREMENTS = frozenset(
    (
        "AbsoluteHumidity AbsorbedDose AbsorbedDoseRate Acceleration Radioactivity Altitude "
        "AmountOfSubstance AmountOfSubstancePerUnitVolume Angle AngularAcceleration AngularMomentum "
        "AngularVelocity Area Capacitance Conductance Conductivity Count Density Dimensionless "
        "DoseEquivalent DoseEquivalentRate DynamicViscosity ElectricCharge ElectricCurrent "
        "ElectricCurrentDensity ElectricFieldStrength Energy Exposure Force Frequency Illuminance "
        "Inductance Irradiance KinematicViscosity Length LinearMomentum Luminance LuminousFlux "
        "LuminousIntensity MagneticFlux MagneticFluxDensity MagneticVectorPotential Mass "
        "MassConcentration MassFlowRate MassPerAreaTime MemoryCapacity MolalityOfSolute MolarEnergy "
        "MolarMass MolarVolume Power Pressure RadiantFlux RadiantIntensity RelativeHumidity Resistance "
        "Resistivity SolidAngle SpecificVolume Speed SurfaceDensity SurfaceTension Temperature Time "
        "Torque Voltage Volume VolumeFlowRate VolumeFraction VolumetricFlux Wavenumber"
    ).split()
)
ALERTS = frozenset(("ALARM_CONDITION ERROR_CONDITION").split())

COMMON = frozenset(
    (
        "@context type eventTime recordTime eventTimeZoneOffset eventID certificationInfo errorDeclaration "
        "bizStep disposition readPoint bizLocation bizTransactionList sourceList destinationList "
        "sensorElementList"
    ).split()
)
_OWN = {
    "ObjectEvent": "action epcList quantityList persistentDisposition ilmd",
    "AggregationEvent": "action parentID childEPCs childQuantityList",
    "AssociationEvent": "action parentID childEPCs childQuantityList",
    "TransactionEvent": "action parentID epcList quantityList",
    "TransformationEvent": "inputEPCList inputQuantityList outputEPCList outputQuantityList transformationID "
    "persistentDisposition ilmd",
}
PROPERTIES = MappingProxyType({kind: COMMON | set(own.split()) for kind, own in _OWN.items()})
ACTIONS = frozenset(("ADD", "OBSERVE", "DELETE"))
EPC_LISTS = ("epcList", "childEPCs", "inputEPCList", "outputEPCList")
QUANTITY_LISTS = ("quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList")
METADATA_TIMES = frozenset(("time", "startTime", "endTime"))
METADATA_URIS = frozenset(("deviceID", "deviceMetadata", "rawData", "dataProcessingMethod", "bizRules"))
REPORT_URIS = METADATA_URIS | {
    "microorganism", "chemicalSubstance", "coordinateReferenceSystem", "uriValue",
}  # fmt: skip
REPORT_NUMBERS = frozenset("value minValue maxValue meanValue sDev percRank percValue".split())
REPORT_TEXTS = frozenset(("stringValue", "uom"))
