"""Catalogues of goods: made up, imported, or asked over HTTP."""
