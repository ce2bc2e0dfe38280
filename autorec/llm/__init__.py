"""Language models behind one small port; SDKs are imported only when a model is opened."""
