"""How fast it is, against yardsticks measured in the same run. Usage: make bench"""
