/// The text on which precisions are compared: prose, a dialogue, a list, code and figures, so that easy and hard next
/// tokens are both there.
enum BenchText {
    static let text = """
        The common swift spends almost its whole life in the air. It eats, drinks, sleeps and even mates on the wing, and \
        lands only to breed, in a narrow hole under a roof or in a cliff. Young swifts that leave the nest may not touch \
        the ground again for two or three years. In that time they cross the Sahara several times, follow the rains over \
        the Congo, and return each May to the very town where they hatched. Their legs are so short that a bird which \
        falls on flat ground can hardly rise again; the old name of the family, Apodidae, means "without feet".

        "Why do they scream?" asked the child.
        "Nobody is quite sure," said her grandfather. "On warm evenings they fly in parties around the houses, as fast as \
        they can, and call to those that sit on their eggs. Perhaps they tell each other: this place is taken."

        To keep a nest box safe:
        1. Hang it at least five metres above the ground, under the eaves.
        2. Choose a wall that faces north or east, because the afternoon sun overheats the chicks.
        3. Leave the space below the entrance free, since the birds drop before they fly.
        4. Do not clean it; the feathers that are left are used again.

        The following function gives the distance of a day's flight in kilometres:

        def flight_distance(speed_kmh: float, hours: float, wind_kmh: float = 0.0) -> float:
            \"\"\"Return the ground covered, with the wind's help or against it.\"\"\"
            if hours < 0:
                raise ValueError("hours must not be negative")
            return max(0.0, speed_kmh + wind_kmh) * hours

        print(flight_distance(40.0, 14.5))  # 580.0

        In 2021 a bird with a geolocator flew 11,300 kilometres in 13 days, about 870 a day. Its average speed over the \
        ground was 36 km/h, its greatest 112. La vitesse dépend surtout du vent : les oiseaux attendent parfois plusieurs \
        jours qu'il tourne. If a swift lives for nine years, it has travelled roughly as far as seven times to the moon \
        and back.
        """
}
