"""The frozen types: what a site is, what an app is, what is planned for one on the other."""
