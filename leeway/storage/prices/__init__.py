"""What tokens cost: a table of prices with dates and tiers, and the pricing of whole columns of calls. Pure."""

from leeway.storage.prices.file import PricesInvalid, load_prices, read_prices
from leeway.storage.prices.table import PART_OF, RATES, SOURCES, Calls, Model, Period, Priced, PriceTable, Rates

__all__ = [
    "PART_OF",
    "RATES",
    "SOURCES",
    "Calls",
    "Model",
    "Period",
    "PriceTable",
    "Priced",
    "PricesInvalid",
    "Rates",
    "load_prices",
    "read_prices",
]
