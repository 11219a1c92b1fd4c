"""Duties that this site meets by a function of its own, and where that function can be seen.

A requirement with `site_feature: true` is met when its id is here. `tests/web/test_site_features.py` opens each one.
"""

SITE_FEATURES: dict[str, str] = {
    "eu-crd-withdrawal-function": "the cancel button of the reservation page, reached by a link and without an account",
    "eu-crd-order-button": "the button of the form says that nothing is charged, or that it obliges to pay the deposit",
    "eu-price-vat-inclusive": "every price stands with its tax words",
    "eu-empco-2024-825": "the terms name the legal guarantee of conformity",
    "eu-geo-blocking-2018-302": "any market can be chosen from anywhere",
    "eu-eaa-2019-882": "the accessibility statement",
    "us-ftc-mail-order-435": "the terms say what happens when a delivery date moves",
    "ar-boton-arrepentimiento": "the cancel button of the reservation page",
    "jp-sctl": "the terms, with the seller's particulars",
}
