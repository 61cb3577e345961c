"""Reports in the languages they are written in: their subjects, and a sentence of each."""

import pytest

from retriever.recognition import report_words
from tests.retriever.recognition.samples import a_mail, recognised

SUBJECTS = [
    "Undeliverable: your order", "Mail Delivery Warning", "Unzustellbar: Ihre Bestellung",
    "Onbestelbaar: uw bestelling", "Kan inte levereras: din order", "Kan ikke leveres: din ordre",
    "Ei voida toimittaa: tilaus",
    "Non remis : votre commande", "Recapito non riuscito: ordine", "No se puede entregar: pedido",
    "Não entregue: pedido", "Nelivrabil: comanda", "Niedostarczalna: zamówienie", "Nedoručiteľné: objednávka",
    "Neisporučeno: narudžba", "Kézbesíthetetlen: rendelés", "Teslim edilemedi: sipariş", "Μη παραδοτέο: παραγγελία",
    "Недоставлено: заказ", "Не удается доставить: заказ", "Неможливо доставити",  # noqa: RUF001 - Ukrainian
    "配信不能: ご注文", "无法送达: 订单", "無法傳遞: 訂單", "배달되지 않음: 주문",
    "לא נמסר: הזמנה", "تعذر تسليم: الطلب",
    "Không thể gửi: đơn hàng", "Tidak terkirim: pesanan", "ไม่สามารถส่ง: คำสั่งซื้อ",
]  # fmt: skip


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_servers_report_is_known_by_its_subject_and_a_persons_mail_of_that_subject_is_none(subject: str) -> None:
    assert report_words.in_subject(subject)
    assert recognised(a_mail(subject, "anna@customer.test")).subtype.endswith("_undeliverable")
    assert recognised(a_mail(subject, "anna@customer.test", sender="ben@customer.test")).subtype == "email"


@pytest.mark.parametrize(
    ("text", "passing"),
    [
        ("Delivery has been postponed. We go on trying.", True),
        ("Warning: the mailbox is busy", True),
        ("Warning: no such user here", False),
        ("Warning: anna@customer.test - user unknown", False),
        ("The message has been delayed, but has expired now", False),
        ("Доставка задерживается", True),
    ],
)
def test_a_server_that_goes_on_trying_is_told_from_one_that_gave_up(text: str, passing: bool) -> None:  # noqa: FBT001
    assert report_words.of_passing(text) is passing


@pytest.mark.parametrize(
    ("text", "arrived"),
    [
        ("Your message was successfully delivered.\nYou may still get other errors.", True),
        ("Успешно: письмо доставлено", True),
        ("Письмо не доставлено", False),
        ("Недоставлено", False),
        ("Delivery was unsuccessful", False),
        ("It could not be successfully delivered", False),
    ],
)
def test_a_delivery_that_went_well_is_told_from_one_that_did_not(text: str, arrived: bool) -> None:  # noqa: FBT001
    assert report_words.of_success(text) is arrived
