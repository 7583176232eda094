from __future__ import annotations

import socket
import threading
import unittest
from decimal import Decimal
from typing import List

from farebox import Admitted, Charged, Farebox, FareboxError, FareboxUnavailable, Free, Refused, Settled

from tests.world import METER_TOKEN, SIDECAR, Customer, client


class ClientTest(unittest.TestCase):
    def setUp(self) -> None:
        self.farebox = client()

    def admit(self, customer: Customer, **options: object) -> Admitted:
        decision = self.farebox.authorize("POST", "/search", key=customer.key, body={"size": 5}, **options)
        assert isinstance(decision, Admitted), decision
        return decision

    def test_a_call_is_held_then_charged_for_what_it_counted(self) -> None:
        customer = Customer(20)
        admitted = self.admit(customer)
        assert admitted.quote is not None and admitted.hold is not None
        self.assertEqual((admitted.account, admitted.quote.amount), (customer.id, Decimal(5)))
        done = self.farebox.settle(admitted.hold, units=3)
        assert isinstance(done, Charged)
        self.assertEqual((done.charged, done.balance, done.uncollected), (Decimal(3), Decimal(17), Decimal(0)))
        self.assertIn(("Credits-Charged", "3"), done.headers)
        self.assertEqual(customer.charges(), [-3])

    def test_settling_from_many_threads_at_once_charges_once_and_answers_alike(self) -> None:
        customer = Customer(20)
        hold = self.admit(customer).hold
        assert hold is not None
        answers = []
        threads = [
            threading.Thread(target=lambda: answers.append(self.farebox.settle(hold, units=2))) for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(answers), 8)
        self.assertEqual({answer.charge_id for answer in answers if isinstance(answer, Charged)}, {answers[0].charge_id})
        self.assertEqual(customer.charges(), [-2])

    def test_amounts_are_exact_in_both_directions(self) -> None:
        customer = Customer(20)
        hold = self.admit(customer).hold
        assert hold is not None
        done = self.farebox.settle(hold, cost=Decimal("0.300001"))
        assert isinstance(done, Charged)
        self.assertEqual(str(done.charged), "0.300001")
        self.assertEqual(str(done.balance), "19.699999")
        with self.assertRaises(TypeError):
            self.farebox.settle(hold, cost=0.1)  # type: ignore[arg-type]

    def test_a_job_of_hours_is_settled_in_parts_each_once_extended_and_ended(self) -> None:
        customer = Customer(20)
        job = f"job of {customer.id}"
        hold = self.admit(customer, ttl=86_400, id=job).hold
        assert hold is not None
        self.assertEqual(self.admit(customer, ttl=86_400, id=job).hold, hold)
        answers: List[Settled] = []
        threads = [
            threading.Thread(target=lambda: answers.append(self.farebox.settle(hold, part="a", units=2)))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual({answer.charge_id for answer in answers if isinstance(answer, Charged)}, {answers[0].charge_id})
        with self.assertRaises(FareboxError) as other:
            self.farebox.settle(hold, part="a", units=3)
        self.assertEqual((other.exception.status, other.exception.code), (409, "hold_settled"))
        self.assertEqual(self.farebox.extend(hold, 86_400), 86_400)
        self.farebox.settle(hold, part="b", cost=Decimal("0.5"))
        self.assertEqual(self.farebox.release(hold).refunded, 0)
        self.assertEqual(customer.charges(), [-2, Decimal("-0.5")])
        whole = self.admit(customer, long=True, id=f"{job} again").hold
        assert whole is not None
        done = self.farebox.settle(whole, units=1)
        assert isinstance(done, Charged)
        self.assertEqual(done.balance, Decimal("16.5"))
        with self.assertRaises(ValueError):
            self.farebox.authorize("POST", "/search", key=customer.key, ttl=901)

    def test_what_fails_is_released_and_what_was_charged_is_given_back(self) -> None:
        customer = Customer(20)
        failed = self.admit(customer).hold
        assert failed is not None
        self.assertEqual(self.farebox.release(failed).refunded, 0)
        charged = self.admit(customer).hold
        assert charged is not None
        self.farebox.settle(charged, units=4)
        for _ in range(2):
            self.assertEqual(self.farebox.release(charged, reason="it broke off").refunded, 4)
        self.assertEqual(customer.charges(), [-4, 4])

    def test_the_same_id_is_the_same_hold_and_another_request_under_it_a_conflict(self) -> None:
        customer = Customer(20)
        first = self.admit(customer, id="job-1")
        self.assertEqual(self.admit(customer, id="job-1").hold, first.hold)
        with self.assertRaises(FareboxError) as caught:
            self.farebox.authorize("POST", "/search", key=customer.key, body={"size": 6}, id="job-1")
        self.assertEqual((caught.exception.status, caught.exception.code), (409, "hold_conflict"))
        assert first.hold is not None
        self.assertGreater(self.farebox.extend(first.hold, 120), 100)

    def test_a_refusal_is_an_answer_in_the_contracts_words(self) -> None:
        decision = self.farebox.authorize("GET", "/paid", key=Customer(1).key)
        assert isinstance(decision, Refused)
        self.assertEqual((decision.code, decision.answer.status), ("insufficient_credits", 402))
        self.assertIn(b"insufficient_credits", decision.answer.body)

    def test_what_the_price_does_not_charge_is_free(self) -> None:
        customer = Customer(20)
        hold = self.admit(customer).hold
        assert hold is not None
        self.assertIsInstance(self.farebox.settle(hold, status=404), Free)
        self.assertEqual(customer.charges(), [])

    def test_a_wrong_token_is_said_at_once_and_wrong_fields_are_named(self) -> None:
        stranger = Farebox(SIDECAR, "wrong-token")
        self.addCleanup(stranger.close)
        with self.assertRaises(FareboxError) as caught:
            stranger.authorize("GET", "/paid")
        self.assertEqual((caught.exception.status, caught.exception.code), (401, "operator_unauthorized"))
        with self.assertRaises(FareboxError) as caught:
            self.farebox.authorize("get", "/paid")
        self.assertEqual(caught.exception.code, "request_invalid")
        self.assertEqual([error["path"] for error in caught.exception.errors], ["method"])

    def test_an_address_that_is_none_is_refused_and_one_where_nobody_is_ends_the_patience(self) -> None:
        for url in ("127.0.0.1:8402", "ftp://x", ""):
            with self.assertRaises(ValueError):
                Farebox(url, METER_TOKEN)
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            nobody = Farebox(f"http://127.0.0.1:{taken.getsockname()[1]}", METER_TOKEN, patience=0)
            with self.assertRaises(FareboxUnavailable):
                nobody.authorize("GET", "/paid")


if __name__ == "__main__":
    unittest.main()
