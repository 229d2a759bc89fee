"""Tests of one running Atrium; a package, so that it ends with the last of them."""
