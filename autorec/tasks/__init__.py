"""Tasks: interaction logs in, splits and nested holdouts, the bundles that a sandbox may see."""
