"""From a plan to a receipt: signed here or by several holders, uploaded, waited for."""
