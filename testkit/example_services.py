"""Example services, a pet store and vehicles: `python -m testkit.example_services --port 8090`.

For development and tests: what they hold is in memory, and begins anew with the process.
"""

import argparse
import asyncio
from typing import Annotated, Literal

import uvicorn
from fastapi import FastAPI, Header, HTTPException, Query
from pydantic import BaseModel, Field

from testkit.isolated_config import HOST

Animal = Literal["cat", "dog", "rabbit"]
NOT_FOUND = 404


class Pet(BaseModel):
    id: int
    name: str
    animal: Animal
    price_eur: float = Field(ge=0)
    status: Literal["available", "reserved", "sold"] = "available"


class Reservation(BaseModel):
    """Who wants it."""

    customer: str = Field(min_length=1, description="the name of the person")


class Reserved(BaseModel):
    pet: Pet
    customer: str


class Vehicle(BaseModel):
    id: str = Field(description="the number plate")
    model: str
    seats: int
    charge_percent: int
    city: str


class Booking(BaseModel):
    hours: int = Field(ge=1, le=72, description="for how long")


class Booked(BaseModel):
    booking: int
    vehicle: Vehicle
    hours: int


class PetStore:
    """Pets, and who reserved one; the same Idempotency-Key reserves once."""

    def __init__(self) -> None:
        self.pets = {
            1: Pet(id=1, name="Minka", animal="cat", price_eur=80),
            2: Pet(id=2, name="Bello", animal="dog", price_eur=150),
            3: Pet(id=3, name="Hops", animal="rabbit", price_eur=25),
        }
        self.reservations: list[Reserved] = []
        self._done: dict[str, Reserved] = {}

    def app(self) -> FastAPI:
        app = FastAPI(title="Pet store", version="1.0.0")

        @app.get("/pets", operation_id="list_pets")
        async def list_pets(
            animal: Annotated[Animal | None, Query(description="only these")] = None,
        ) -> list[Pet]:
            """The pets there are, with price and status."""
            return [pet for pet in self.pets.values() if animal in (None, pet.animal)]

        @app.get("/pets/{pet_id}", operation_id="get_pet")
        async def get_pet(pet_id: int) -> Pet:
            """One pet."""
            return self._pet(pet_id)

        @app.post("/pets/{pet_id}/reservation", operation_id="reserve_pet")
        async def reserve_pet(
            pet_id: int,
            reservation: Reservation,
            idempotency_key: Annotated[str | None, Header()] = None,
        ) -> Reserved:
            """Reserves a pet for a customer."""
            if idempotency_key is not None and idempotency_key in self._done:
                return self._done[idempotency_key]
            pet = self._pet(pet_id)
            if pet.status != "available":
                raise HTTPException(409, f"{pet.name} is {pet.status}")
            self.pets[pet_id] = pet = pet.model_copy(update={"status": "reserved"})
            reserved = Reserved(pet=pet, customer=reservation.customer)
            self.reservations.append(reserved)
            if idempotency_key is not None:
                self._done[idempotency_key] = reserved
            return reserved

        return app

    def _pet(self, pet_id: int) -> Pet:
        if pet_id not in self.pets:
            raise HTTPException(NOT_FOUND, f"there is no pet {pet_id}")
        return self.pets[pet_id]


def vehicles() -> FastAPI:
    """Cars to share, and booking one."""
    fleet = {
        "B-PA 1001": Vehicle(
            id="B-PA 1001", model="small electric", seats=4, charge_percent=81, city="Berlin"
        ),
        "B-PA 1002": Vehicle(
            id="B-PA 1002", model="van", seats=3, charge_percent=35, city="Berlin"
        ),
        "HH-PA 7": Vehicle(
            id="HH-PA 7", model="estate", seats=5, charge_percent=97, city="Hamburg"
        ),
    }
    bookings: list[Booked] = []
    app = FastAPI(title="Vehicles", version="1.0.0")

    @app.get("/vehicles", operation_id="list_vehicles")
    async def list_vehicles(
        city: str | None = None, least_charge_percent: Annotated[int, Query(ge=0, le=100)] = 0
    ) -> list[Vehicle]:
        """The vehicles that can be booked, in a city or everywhere."""
        return [
            each
            for each in fleet.values()
            if city in (None, each.city) and each.charge_percent >= least_charge_percent
        ]

    @app.head("/vehicles/{vehicle_id}", operation_id="vehicle_exists")
    async def vehicle_exists(vehicle_id: str) -> None:
        """Whether there is such a vehicle."""
        if vehicle_id not in fleet:
            raise HTTPException(NOT_FOUND)

    @app.post("/vehicles/{vehicle_id}/bookings", operation_id="book_vehicle")
    async def book_vehicle(vehicle_id: str, booking: Booking) -> Booked:
        """Books a vehicle from now on."""
        if vehicle_id not in fleet:
            raise HTTPException(NOT_FOUND, f"there is no vehicle {vehicle_id}")
        booked = Booked(booking=len(bookings) + 1, vehicle=fleet[vehicle_id], hours=booking.hours)
        bookings.append(booked)
        return booked

    return app


def example_services() -> FastAPI:
    """Both: the pet store under /petstore, vehicles under /vehicles."""
    app = FastAPI(title="Example services", openapi_url=None)
    app.mount("/petstore", PetStore().app())
    app.mount("/vehicles", vehicles())
    return app


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default=HOST)
    parser.add_argument("--port", type=int, default=8090)
    options = parser.parse_args()
    config = uvicorn.Config(example_services(), host=options.host, port=options.port)
    asyncio.run(uvicorn.Server(config).serve())


if __name__ == "__main__":
    main()
